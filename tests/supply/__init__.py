"""What the project is made of: the lock of the development environment, advisories about it, the release's SBOM."""
