"""What every command shares: arguments, exit statuses, signals, and files written whole."""
