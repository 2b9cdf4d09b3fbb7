"""The server options, shared by every command that starts a server."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import click
from click.core import ParameterSource

from .completion import dated_names, option_names
from .settings_file import SettingsFile
from .settings_options import PORT as PORT
from .settings_options import file_in_use, file_of, settings_by_name, settings_options

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider
    from fauxscale.server import MockServer
    from fauxscale.state.journal import JournalObserver

# Every flag has a variable: --link-ttl is FAUXSCALE_LINK_TTL. A flag wins over its variable, the variable over the
# settings file, the file over the default.
CONTEXT = {"auto_envvar_prefix": "FAUXSCALE"}
# Options of a single start, which are no settings of a project.
_OF_ONE_START = frozenset({"config", "no_config", "json", "openai", "coverage"})
# Settings of a file that `run` reads too, and does not need.
_OF_SERVE: dict[str, click.Parameter] = {
    name: click.Option([f"--{name}"], is_flag=True) for name in ("quiet", "verbose")
}
_Command = TypeVar("_Command", bound=Callable[..., Any])


class ServerOptions(TypedDict):
    """The values of a server's options, by the names click passes them under."""

    host: str
    port: int
    seed: int
    keys: tuple[str, ...]
    balance: float | None
    link_ttl: float | None
    latency: float | None
    api_versions: tuple[str, ...]
    options: tuple[str, ...]
    allow_hosts: tuple[str, ...]
    allow_fetch: tuple[str, ...]
    cors: tuple[str, ...]
    token: str | None
    replay: str
    workers: int
    store: str
    state: str
    tls: bool


def server_options(port: int) -> Callable[[_Command], _Command]:
    """Give a command the options of a server, which listens on `port` by default."""
    options = (
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="Port to listen on; 0 chooses a free one.",
        ),
        click.option(
            "--seed",
            default=0,
            show_default=True,
            help="With the same seed, the same calls give the same ids and pictures.",
        ),
        click.option(
            "--key",
            "keys",
            multiple=True,
            envvar="FAUXSCALE_KEY",
            help="API key to accept; repeatable.  [default: any key]",
        ),
        click.option("--balance", type=float, help="Dollars in each account's wallet.  [default: unlimited]"),
        click.option(
            "--link-ttl", type=float, help="Seconds until a link expires.  [default: the provider's own]"
        ),
        click.option("--latency", type=float, help="Minimum seconds that every API call takes."),
        click.option(
            "--api-version",
            "api_versions",
            multiple=True,
            envvar="FAUXSCALE_API_VERSION",
            shell_complete=dated_names,
            help="API version of a provider: ideogram=2026-10.",
        ),
        click.option(
            "--set",
            "options",
            multiple=True,
            envvar="FAUXSCALE_SET",
            shell_complete=option_names,
            help="Set a provider option: ideogram.max_pixels=1000000.",
        ),
        click.option(
            "--allow-host",
            "allow_hosts",
            multiple=True,
            envvar="FAUXSCALE_ALLOW_HOST",
            help="Also accept requests with this Host name.",
        ),
        click.option("--allow-fetch", multiple=True, help="Allow fetching pictures from this host."),
        click.option(
            "--cors", multiple=True, help="Web origin that may call the APIs from a browser; * for any."
        ),
        click.option(
            "--token",
            help="Token that the control API requires.  [default: generated when --host is not loopback]",
        ),
        click.option(
            "--replay",
            default="",
            metavar="DIR",
            type=click.Path(),
            help="Serve recorded answers, mock the rest.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            default=1,
            show_default=True,
            help="Number of server processes; more than one requires --store.",
        ),
        click.option(
            "--store",
            default="",
            metavar="URL",
            help="Keep all state in this Redis: redis://127.0.0.1:6379/0.  [default: memory]",
        ),
        click.option(
            "--state",
            default="",
            metavar="DIR",
            type=click.Path(),
            help="Keep accounts, links and pictures in this folder for the next start.  [default: none]",
        ),
        click.option("--tls", is_flag=True, help="Serve https with a certificate made for this run."),
    )

    def decorate(command: _Command) -> _Command:
        command = settings_options(_defaults)(command)
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def settings_of_serve(file: SettingsFile, context: click.Context) -> dict[str, object]:
    """Return the settings of a file by the parameters of a command that starts a server. Raises BadSettingsFile."""
    return file.defaults(_OF_SERVE | settings_by_name(context, _OF_ONE_START))


def _defaults(context: click.Context, file: SettingsFile) -> dict[str, object]:
    """Return the defaults of a command that starts a server. Only `serve` uses the file's port: several commands with a
    server of their own may run at the same time."""
    found = settings_of_serve(file, context)
    if context.command.name != "serve":
        found.pop("port", None)
    return found


def providers() -> tuple[Provider, ...]:
    """All providers, built in and installed; one line on stderr for each installed one that is broken."""
    from fauxscale.providers import PROVIDERS
    from fauxscale.providers.installed import find_providers

    found = find_providers(PROVIDERS)
    for problem in found.problems:
        click.echo(f"fauxscale: {problem}", err=True)
    return (*PROVIDERS, *found.providers)


def server(journal: JournalObserver | None = None, /, **given: Unpack[ServerOptions]) -> MockServer:
    """Make the server that the options describe, not started; `journal` gets every journal entry. Raises UsageError for
    invalid options."""
    # Imported here, so that --help and --version load no server.
    from fauxscale.dispatch.options import parse_options
    from fauxscale.server import MockServer
    from fauxscale.settings import Settings, Terms

    imitated = providers()
    if (file := file_in_use()) is not None:
        file.check(imitated)
    try:
        if "" in given["keys"]:
            raise ValueError("a --key must not be empty")
        if given["state"] and given["store"]:
            raise ValueError("--state and --store exclude each other: each is where all state is kept")
        versions = {f"{name}.api_version": value for name, value in _pairs(given["api_versions"]).items()}
        settings = Settings(
            seed=given["seed"],
            keys=given["keys"],
            terms=Terms.from_mapping({name: given[name] for name in ("balance", "link_ttl", "latency")}),
            options=parse_options(_pairs(given["options"]) | versions, imitated),
            allow_hosts=given["allow_hosts"],
            allow_fetch=given["allow_fetch"],
            cors=given["cors"],
            token=given["token"] or None,
            replay=given["replay"],
            accounts=file.accounts() if file else (),
        )
        return MockServer(
            settings,
            providers=imitated,
            store=given["store"] or (f"file:{given['state']}" if given["state"] else None),
            workers=given["workers"],
            host=given["host"],
            port=given["port"],
            tls=given["tls"],
            journal=journal,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


class FromEnvironment(click.Command):
    """A command whose errors name the variable or the settings file that an invalid value comes from, not the
    option."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.BadParameter as error:
            context, option = error.ctx, error.param
            source = context.get_parameter_source(option.name) if context and option and option.name else None
            if context and option and source is ParameterSource.ENVIRONMENT:
                error.param_hint = str(option.envvar or f"{context.auto_envvar_prefix}_{option.name}".upper())
            elif context and option and source is ParameterSource.DEFAULT_MAP:
                setting = option.opts[0].removeprefix("--").replace("-", "_")
                raise file_of(context).problem((setting,), f"{setting}: {error.message}") from None
            raise


class NotInstalled(click.ClickException):
    """An extra is missing; exits with the status for misuse."""

    exit_code = 2


@contextmanager
def told_in_one_line() -> Generator[None]:
    """Turn an error that keeps a server from starting into one line without a traceback."""
    try:
        yield
    except Exception as raised:
        # Imported only now: a normal start does not need the modules around them.
        from fauxscale.extras import MissingExtra
        from fauxscale.recordings.har import RecordingError
        from fauxscale.state.store import NoAddress, StoreUnavailable
        from fauxscale.transport.listener import CannotListen
        from fauxscale.transport.supervisor import WorkersFailed

        # A RuntimeError only says that the serving thread has ended; its cause is the real error.
        error = (raised.__cause__ or raised) if type(raised) is RuntimeError else raised
        if isinstance(error, RecordingError | NoAddress) or (
            isinstance(error, WorkersFailed) and error.misuse
        ):
            raise click.UsageError(str(error)) from None
        if isinstance(error, CannotListen):
            port = error.errno in (errno.EADDRINUSE, errno.EACCES)
            advice = (
                "try another --port, or --port 0" if port else "--host must be an address of this machine"
            )
            raise click.ClickException(f"{error.strerror}; {advice}") from None
        if isinstance(error, MissingExtra):
            raise NotInstalled(str(error)) from None
        if isinstance(error, StoreUnavailable | WorkersFailed):
            raise click.ClickException(str(error)) from None
        raise


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise ValueError(f"{text!r} must have the form NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)
