//! The console's API, asked from the command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use console::view;
use reqwest::{StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the console is and who asks.
#[derive(Debug, clap::Args)]
pub struct Connection {
    /// Address of the console, such as http://127.0.0.1:8080.
    #[arg(long, env = "SLUICE_URL", value_name = "URL")]
    url: Url,
    #[command(flatten)]
    access: Access,
    /// Print JSON, as the API answers.
    #[arg(long)]
    json: bool,
}

/// Who asks a console, and how safely.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    #[command(flatten)]
    token: Token,
    /// Certificates to trust for an https address, in PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send the token over http to another machine, where others on the way can read it.
    #[arg(long)]
    plain_http: bool,
}

/// Where the console is, where one is to be asked.
#[derive(Debug, clap::Args)]
pub struct OptionalConnection {
    /// Address of the console of a gateway to wait for, such as http://127.0.0.1:8080.
    #[arg(long, env = "SLUICE_URL", value_name = "URL")]
    url: Option<Url>,
    #[command(flatten)]
    access: Access,
}

impl OptionalConnection {
    /// The connection, where an address is given.
    pub(crate) fn get(&self) -> Option<Connection> {
        let url = self.url.clone()?;
        Some(Connection::at(url, self.access.clone()))
    }
}

/// A token of the identity provider, one way or the other.
#[derive(Clone, clap::Args)]
pub(crate) struct Token {
    /// Your token. Others on this machine can see arguments: prefer the variable or a file.
    #[arg(long, env = "SLUICE_TOKEN", hide_env_values = true, value_name = "JWT")]
    token: Option<String>,
    /// A file that holds your token; it wins over the variable.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Never the token.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("token_file", &self.token_file)
            .finish_non_exhaustive()
    }
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// Why a command did not do what it should; each has its exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The console said no, or something is wrong with what it was asked.
    #[error("{}", with_hint(.0))]
    Refused(view::Problem),
    /// No such thing.
    #[error("{}", with_hint(.0))]
    NotFound(view::Problem),
    /// The token is not good, or not good enough.
    #[error("{}", with_hint(.0))]
    NotAllowed(view::Problem),
    /// Arguments that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The console does not answer, or not as one.
    #[error("{0}")]
    Unreachable(String),
    /// The answer cannot be printed.
    #[error("cannot print: {0}")]
    Print(#[from] std::io::Error),
}

impl Failure {
    /// The exit code of a command, after saying what went wrong.
    pub(crate) fn into_exit(result: Result<(), Self>) -> anyhow::Result<ExitCode> {
        let Err(failure) = result else {
            return Ok(ExitCode::SUCCESS);
        };
        writeln!(std::io::stderr(), "sluice: {failure}")?;
        Ok(ExitCode::from(failure.code()))
    }

    /// 1 refused or failed, 2 wrong arguments, 3 not found, 4 not allowed.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Unreachable(_) | Self::Print(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::NotAllowed(_) => 4,
        }
    }

    fn answered(status: StatusCode, problem: view::Problem) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound(problem),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::NotAllowed(problem),
            _ => Self::Refused(problem),
        }
    }
}

fn with_hint(problem: &view::Problem) -> String {
    let text = match &problem.hint {
        Some(hint) => format!("{} (hint: {hint})", problem.error),
        None => problem.error.clone(),
    };
    super::table::printable(&text)
}

impl Connection {
    /// A console for a command that prints its own way.
    pub(crate) fn at(url: Url, access: Access) -> Self {
        Self {
            url,
            access,
            json: false,
        }
    }

    pub(crate) fn output(&self) -> Output {
        if self.json {
            Output::Json
        } else {
            Output::Text
        }
    }

    /// Asks for something.
    pub(crate) fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, Failure> {
        self.ask(|client| Ok(client.get(self.address(path)?)))
    }

    /// Asks to do something.
    pub(crate) fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Failure> {
        self.ask(|client| Ok(client.post(self.address(path)?).json(body)))
    }

    fn ask<A: DeserializeOwned>(
        &self,
        request: impl FnOnce(&reqwest::Client) -> Result<reqwest::RequestBuilder, Failure>,
    ) -> Result<A, Failure> {
        let request = request(&self.client()?)?.bearer_auth(self.token()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(answer(request))
    }

    fn client(&self) -> Result<reqwest::Client, Failure> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE);
        if let Some(path) = &self.access.ca {
            let wrong = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        builder
            .build()
            .map_err(|error| Failure::Unreachable(error.to_string()))
    }

    /// The address of a part of the API. A token goes over the network under TLS only.
    fn address(&self, path: &str) -> Result<Url, Failure> {
        let is_here = self.url.host_str().is_some_and(|host| {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        });
        match self.url.scheme() {
            "https" => {}
            "http" if is_here || self.access.plain_http => {}
            "http" => {
                return Err(Failure::Usage(format!(
                    "{} is not on this machine and not https; with --plain-http the token is sent \
                     all the same",
                    self.url
                )));
            }
            _ => return Err(Failure::Usage(format!("{} is no http address", self.url))),
        }
        let base = self.url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/api/v1/{path}"))
            .map_err(|error| Failure::Usage(format!("{}: {error}", self.url)))
    }

    fn token(&self) -> Result<String, Failure> {
        let text = match (&self.access.token.token_file, &self.access.token.token) {
            (Some(path), _) => std::fs::read_to_string(path)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?,
            (None, Some(token)) => token.clone(),
            (None, None) => {
                let missing = "a token is needed: --token-file, or SLUICE_TOKEN";
                return Err(Failure::Usage(missing.to_owned()));
            }
        };
        Ok(text.trim().to_owned())
    }
}

/// The answer, or what the console says is wrong.
async fn answer<A: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<A, Failure> {
    let unreachable = |error: reqwest::Error| {
        let address = error
            .url()
            .map_or_else(|| "the console".to_owned(), Url::to_string);
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        let root = causes.last().map(ToString::to_string).unwrap_or_default();
        Failure::Unreachable(format!("no answer from {address}: {root}"))
    };
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| {
            Failure::Unreachable(format!(
                "the console answers nonsense ({error}); is it Sluice?"
            ))
        });
    }
    let problem = serde_json::from_slice(&body).unwrap_or_else(|_| view::Problem {
        error: format!("the console answered {status}"),
        hint: Some("is this the address of Sluice?".to_owned()),
    });
    Err(Failure::answered(status, problem))
}

/// Prints for a program.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
