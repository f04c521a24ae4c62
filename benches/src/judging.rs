//! The standard policies, as built, and a judge over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use policy::{
    Engine, EngineConfig, Identity, Judge, Keys, Masker, Mode, Permit, Policies, PolicyConfig,
    PolicyLimits, Request, Session, SessionFacts, Step, Verdict,
};
use serde_json::{Value, json};
use sql::catalog::Catalog;

use crate::people;

/// A judge over the policies `mask` and `guard`, and a session that it has admitted.
pub struct Court {
    /// The judge.
    pub judge: Judge,
    /// The session.
    pub session: Session,
    /// The database.
    pub catalog: Arc<Catalog>,
}

impl Court {
    /// Opens it for someone who gets this column of public.people masked like this.
    ///
    /// # Panics
    /// The policies are not built (`make policies`).
    #[must_use]
    pub fn masking(column: &str, mask: &str) -> Court {
        let rules = json!({"columns": [format!("people.{column}")], "mask": mask});
        let guard = json!({"unbounded-dml": "deny", "truncate": "deny", "ddl": "deny"});
        let module = |name: &str| modules().join(format!("sluice_policy_{name}.wasm"));
        Court::over(vec![
            policy("mask", module("mask"), rules),
            policy("guard", module("guard"), guard),
        ])
    }

    /// Opens it over the policy `detect`, as it is without settings.
    ///
    /// # Panics
    /// The policies are not built (`make policies`).
    #[must_use]
    pub fn detecting() -> Court {
        let module = modules().join("sluice_policy_detect.wasm");
        Court::over(vec![policy("detect", module, json!({}))])
    }

    /// Opens it over the example policy in that language, where it is built (`make examples`).
    #[must_use]
    pub fn example(language: &str) -> Option<Court> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let module = here.join(format!("../policies/examples/{language}/policy.wasm"));
        let settings = json!({"columns": ["email"], "group": "analysts"});
        let built = module.is_file();
        built.then(|| Court::over(vec![policy("example", module, settings)]))
    }

    fn over(configs: Vec<PolicyConfig>) -> Court {
        let catalog = people::catalog();
        let engine = Engine::new(EngineConfig::default()).expect("this machine runs WebAssembly");
        let keys = Keys::new([("default".to_owned(), b"bench".to_vec())]);
        let policies = Policies::load(engine, configs, keys)
            .unwrap_or_else(|error| panic!("{error}: run `make policies` first"));
        let mut judge = Judge::new(Arc::new(policies));
        let session = judge
            .admit(facts(), &catalog)
            .expect("the policies admit everyone");
        Court {
            judge,
            session,
            catalog,
        }
    }

    /// Judges a request as one that was never seen.
    pub fn judge(
        &mut self,
        request: Request,
        analysis: &Arc<sql::analysis::Analysis>,
    ) -> Verdict<'static> {
        let analysis = Arc::clone(analysis);
        self.judge
            .judge(&mut self.session, request, analysis, &self.catalog)
    }

    /// Masks the rows of [`people::SELECT`] for the session, as the gateway does.
    ///
    /// # Panics
    /// The statement is refused, or its rows are: the benchmark is wrong.
    pub fn masks_rows(mut self) -> impl FnMut(&[u8], &mut BytesMut) {
        let mut masker = self.masker();
        move |rows, out| {
            let masked = masker.apply(&mut self.judge, rows, out);
            masked.expect("the mask fits the rows");
        }
    }

    /// What masks the rows of [`people::SELECT`] for the session.
    ///
    /// # Panics
    /// The statement is refused: the benchmark is wrong.
    pub fn masker(&mut self) -> Masker {
        let analysis = Arc::new(sql::analyze(people::SELECT, &self.catalog));
        let permit = allowed(self.judge(query(people::SELECT), &analysis));
        let result = permit.plan().result(0).expect("it is one statement");
        let masker = result.bind(&people::description());
        masker.expect("the rows are those of the statement")
    }
}

/// The permit of a request that must be allowed.
///
/// # Panics
/// It is not.
#[must_use]
pub fn allowed(verdict: Verdict<'_>) -> Permit<'_> {
    match verdict {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(_) | Verdict::Hold(_) => panic!("{verdict:?}"),
    }
}

/// A simple query.
#[must_use]
pub fn query(text: &str) -> Request {
    Request {
        frames: Bytes::copy_from_slice(text.as_bytes()),
        step: Step::Query,
        text: text.into(),
        strings: sql::Strings::Standard,
        parameters: None,
    }
}

fn facts() -> SessionFacts {
    let identity = Identity {
        subject: "ana".to_owned(),
        issuer: "https://id.example.org".to_owned(),
        email: None,
        groups: vec!["analysts".to_owned()],
        claims: serde_json::Map::new(),
        actors: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_secs(24 * 3600),
    };
    SessionFacts {
        identity: Arc::new(identity),
        database: "shop".into(),
        application: "bench".into(),
    }
}

fn policy(name: &str, module: PathBuf, settings: Value) -> PolicyConfig {
    PolicyConfig {
        name: name.to_owned(),
        module,
        digest: None,
        settings,
        grants: Vec::new(),
        tables: Vec::new(),
        limits: PolicyLimits::default(),
        mode: Mode::Enforce,
        shadow: None,
        trust: None,
    }
}

/// Where `make policies` puts the modules; those of another target folder may be missing.
fn modules() -> PathBuf {
    let built = "wasm32-unknown-unknown/policy";
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let named = named.map(|target| target.join(built));
    named
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| here.join(built))
}
