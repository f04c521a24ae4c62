"""What the scripts here measure in: a throw-away PostgreSQL, a PgBouncer and a Sluice before it.

Everything listens on free ports of 127.0.0.1, keeps its files in one temporary folder, and ends
with the script. Nothing but Python's own library and the openssl program is needed beside the three.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
DATABASE = "postgres"
USER = "bench"
HOST = "127.0.0.1"
PATIENCE_SECONDS = 60
# Beside root, the throw-away servers run as this user: neither PostgreSQL nor PgBouncer runs as root.
SERVER_USER = "postgres"

SLUICE_CONFIGURATION = """
[listen]
address = "{host}:{port}"
tls = {{ certificate = "{certificate}", key = "{key}" }}
{threads}

[databases.{database}]
host = "{host}"
port = {upstream}
user = "{user}"
tls = "disable"
catalog-refresh = "{refresh}"
{limited}

[identity]
issuer = "{issuer}"
audience = "sluice"

[policies.mask]
module = "{modules}/sluice_policy_mask.wasm"

[[policies.mask.settings.rules]]
columns = ["secrets.token"]
mask = "fixed ***"

[[policies.mask.settings.rules]]
columns = ["people.phone"]
mask = "keep-last 4"
groups = ["host"]

[[policies.mask.settings.rules]]
columns = ["people.email"]
mask = "email"
groups = ["wasm"]

[policies.guard]
module = "{modules}/sluice_policy_guard.wasm"

[policies.guard.settings]
unbounded-dml = "deny"
truncate = "deny"
ddl = "deny"

[trail]
directory = "trail"

[limits]
sessions = 20000
# valgrind has no address space for many.
policy-instances = 4
"""

PGBOUNCER_CONFIGURATION = """
[databases]
{database} = host={host} port={upstream} dbname={database} user={user}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = session
client_tls_sslmode = allow
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
; The defaults, 20 and 100, would make clients wait for each other.
default_pool_size = 20000
max_client_conn = 20000
"""


class Failed(Exception):
    """Something did not start, with what it said."""


class Setting:
    """The servers, started on demand and stopped at the end of a `with`."""

    def __init__(self, options, server_settings=None):
        self.options = options
        self.server_settings = server_settings or {}
        self.database = DATABASE
        self.configuration = SLUICE_CONFIGURATION
        self.provider = None
        self.cleanup = contextlib.ExitStack()

    def __enter__(self):
        folder = tempfile.mkdtemp(prefix="sluice-bench-")
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            self.certificate, self.key = make_certificate(self.folder)
            self.postgres = Postgres(self)
            self.postgres.start()
            # Where the proxies connect to.
            self.upstream_port = self.postgres.port
        except BaseException:
            self.cleanup.close()
            raise
        return self

    def __exit__(self, *_):
        self.cleanup.close()

    def target(self, name, under=()):
        """The target of that name, started, as an argument of the program `under` where there is one:
        direct, pgbouncer, sluice, or limited: sluice with a limited role."""
        if name == "direct":
            return self.postgres
        known = {"pgbouncer": PgBouncer, "sluice": Sluice, "limited": Limited}
        if name not in known:
            raise Failed(f"no target {name}: those are direct, {', '.join(known)}")
        target = known[name](self)
        target.under = under
        target.start()
        return target

    def run(self, name, command, environment=None, server=True):
        """Starts a program whose output goes to a file, as the servers' user where that matters."""
        log = self.folder / f"{name}.log"
        output = log.open("wb")
        whose = servers_user() if server else {}
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=self.folder,
            **whose,
        )
        output.close()
        self.cleanup.callback(stop, process)
        return process, log

    def server_folder(self, name):
        """A folder that the servers' user may write to."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(folder, SERVER_USER)
        return folder


class Target:
    """Something that speaks PostgreSQL's protocol on a port."""

    name = ""

    def __init__(self, setting):
        self.setting = setting
        self.port = free_port()
        self.process = None
        self.log = None
        self.under = ()

    def environment(self, group="plain", tls="disable"):
        """What a client of libpq needs in its environment to come in."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": self.setting.database,
            "PGPASSWORD": self.password(group),
            "PGSSLMODE": tls,
            "PGGSSENCMODE": "disable",
        }

    def password(self, _group):
        return "none"

    def wait(self):
        """Returns when a statement is answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        psql = self.setting.options.postgres / "psql"
        while True:
            answer = subprocess.run(
                [psql, "-XAtc", "SELECT 1"],
                env={**os.environ, **self.environment()},
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode == 0:
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.log.read_text(errors="replace")[-2000:]
                raise Failed(f"{self.name} did not start: {answer.stderr}\n{log}")
            time.sleep(0.1)

    def psql(self, text, group="plain"):
        """What psql prints for these statements, one call a statement."""
        answer = subprocess.run(
            [self.setting.options.postgres / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
            input=text,
            env={**os.environ, **self.environment(group)},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise Failed(f"{self.name}: {answer.stderr}")
        return answer.stdout

    def cpu(self):
        """User and system seconds of the process so far."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / ticks, int(fields[12]) / ticks


class Postgres(Target):
    """PostgreSQL itself."""

    name = "direct"

    def start(self):
        binaries = self.setting.options.postgres
        data = self.setting.server_folder("data")
        initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8"]
        made, log = self.setting.run("initdb", [*initdb, "--no-locale", "--no-sync"])
        if made.wait() != 0:
            raise Failed(log.read_text(errors="replace"))
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 500,
            "shared_buffers": "512MB",
            "ssl": "on",
            "ssl_cert_file": self.setting.certificate,
            "ssl_key_file": self.setting.key,
            "fsync": "off",
            "autovacuum": "off",
            **self.setting.server_settings,
        }
        pairs = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        command = [binaries / "postgres", "-D", data, *pairs]
        self.process, self.log = self.setting.run("postgres", command)
        self.wait()


class PgBouncer(Target):
    """PgBouncer, a session a client, no passwords."""

    name = "PgBouncer"

    def start(self):
        file = self.setting.folder / "pgbouncer.ini"
        file.write_text(
            PGBOUNCER_CONFIGURATION.format(
                host=HOST,
                port=self.port,
                upstream=self.setting.upstream_port,
                database=self.setting.database,
                user=USER,
                certificate=self.setting.certificate,
                key=self.setting.key,
            )
        )
        program = self.setting.options.pgbouncer
        self.process, self.log = self.setting.run("pgbouncer", [*self.under, program, file])
        self.wait()


class Sluice(Target):
    """Sluice with the standard policies, its record on, and a provider of its own."""

    name = "Sluice"
    limited = ""

    def start(self):
        self.setting.provider = self.setting.provider or Provider(self.setting)
        self.provider = self.setting.provider
        self.serve(self.configure())

    def configure(self):
        folder = self.setting.folder / f"sluice-{self.port}"
        folder.mkdir()
        file = folder / "sluice.toml"
        file.write_text(self.filled())
        return file

    def filled(self):
        """The configuration with what it names."""
        options = self.setting.options
        threads = f"threads = {options.threads}" if options.threads else ""
        return self.setting.configuration.format(
            host=HOST,
            port=self.port,
            threads=threads,
            upstream=self.setting.upstream_port,
            database=self.setting.database,
            user=USER,
            issuer=self.provider.url,
            refresh=options.refresh,
            certificate=self.setting.certificate,
            key=self.setting.key,
            modules=options.policies,
            limited=self.limited,
        )

    def serve(self, file):
        command = [*self.under, self.setting.options.sluice, "serve", "--config", file]
        self.process, self.log = self.setting.run("sluice", command, server=False)
        self.wait()

    def password(self, group):
        return self.provider.token(group)


class Limited(Sluice):
    """Sluice with a limited role: the third line of defence."""

    name = "Sluice, limited"
    limited = 'limited-role = "bench_limited"'

    def configure(self):
        file = super().configure()
        # The rights of the role, from whom the phone numbers are protected.
        words = ["harden", "--config", file, self.setting.database, "--role", "bench_limited"]
        words += ["--as", "bench"]
        command = [self.setting.options.sluice, *words, "--group", "host", "--apply"]
        hardened = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if hardened.returncode != 0:
            raise Failed(hardened.stderr)
        return file


class Provider:
    """An identity provider: one RSA key, two documents, and tokens for whomever one names."""

    def __init__(self, setting):
        self.key = setting.folder / "provider.pem"
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip()
        number = bytes.fromhex(modulus.partition("=")[2])
        self.url = f"http://{HOST}:{free_port()}"
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/jwks": {
                "keys": [
                    {
                        "kty": "RSA",
                        "use": "sig",
                        "alg": "RS256",
                        "kid": "bench",
                        "n": base64url(number),
                        "e": "AQAB",
                    }
                ]
            },
        }
        self.tokens = {}
        self.serve(setting, documents)

    def serve(self, setting, documents):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = documents.get(self.path)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_):
                pass

        port = int(self.url.rpartition(":")[2])
        server = http.server.ThreadingHTTPServer((HOST, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        setting.cleanup.callback(server.shutdown)

    def token(self, group):
        """A token for someone in that group; the same one each time."""
        if group not in self.tokens:
            now = int(time.time())
            claims = {
                "iss": self.url,
                "aud": "sluice",
                "sub": USER,
                "groups": [group],
                "iat": now,
                "exp": now + 24 * 3600,
            }
            header = {"alg": "RS256", "typ": "JWT", "kid": "bench"}
            parts = [base64url(json.dumps(part).encode()) for part in (header, claims)]
            text = ".".join(parts)
            signature = openssl("dgst", "-sha256", "-sign", self.key, given=text.encode())
            self.tokens[group] = f"{text}.{base64url(signature)}"
        return self.tokens[group]


def pgbench(target, *words, group="plain", tls="disable"):
    answer = subprocess.run(
        [target.setting.options.postgres / "pgbench", *(str(word) for word in words)],
        env={**os.environ, **target.environment(group, tls)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        log = target.log.read_text(errors="replace")[-2000:]
        raise Failed(f"pgbench through {target.name}: {answer.stderr[-2000:]}\n{log}")
    return answer.stdout


def add_arguments(parser):
    """The arguments that every script here takes."""
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    modules = REPOSITORY / "target/wasm32-unknown-unknown/policy"
    if "CARGO_TARGET_DIR" in os.environ:
        modules = built / "wasm32-unknown-unknown/policy"
    path = pathlib.Path
    parser.add_argument("--sluice", type=path, default=built / "release/sluice", metavar="FILE")
    parser.add_argument("--policies", type=path, default=modules, metavar="DIR",
                        help="the built modules (make policies)")
    parser.add_argument("--postgres", type=path, default=path("/usr/lib/postgresql/15/bin"),
                        metavar="DIR", help="PostgreSQL's programs")
    parser.add_argument("--pgbouncer", type=path, metavar="FILE",
                        default=path(shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"))
    parser.add_argument("--threads", type=int, metavar="N",
                        help="threads of Sluice (default: a thread a core); PgBouncer has one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--refresh", default="15s", help="as catalog-refresh (default: 15s)")
    parser.add_argument("--targets", type=words, default=["direct", "pgbouncer", "sluice"],
                        help="which to measure, by commas (default: direct,pgbouncer,sluice)")


def words(text):
    """The words of a list with commas."""
    return text.split(",")


def absolute(options):
    """Paths as the servers see them, which run in another folder."""
    for name in ("sluice", "policies", "postgres", "pgbouncer"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def machine(options):
    """What the numbers were taken on, in one Markdown paragraph."""
    cpu = "unknown CPU"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    versions = [
        output(options.postgres / "postgres", "--version"),
        output(options.pgbouncer, "--version").splitlines()[0],
        output(options.sluice, "--version").partition("\n")[0],
    ]
    commit = output("git", "-C", REPOSITORY, "describe", "--always", "--dirty")
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    threads = options.threads or "a core each"
    return (
        f"{os.cpu_count()} cores, {cpu}; {', '.join(versions)} at {commit}, threads: {threads}; "
        f"load average at the end: {load}."
    )


def output(*command):
    """What a program prints."""
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    ).stdout.strip()


def rotated(items, by):
    """The items, beginning with another one each round: none is always first."""
    by %= len(items)
    return items[by:] + items[:by]


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def make_certificate(folder):
    """A certificate for this machine and its key, which the servers' user may read."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subject = ["-subj", f"/CN={HOST}", "-days", "2", "-nodes"]
    openssl("req", "-x509", "-newkey", "rsa:2048", *subject, "-keyout", key, "-out", certificate)
    key.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(key, SERVER_USER)
    return certificate, key


def servers_user():
    if os.geteuid() != 0:
        return {}
    return {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []}


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def openssl(*arguments, given=None):
    command = ["openssl", *(str(word) for word in arguments)]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
