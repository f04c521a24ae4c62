//! What tests judge with: a small database, people, and policies made of text.

pub(crate) mod guest;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use identity::{Actor, Identity};
use sql::Strings;
use sql::analysis::{
    Access, Analysis, Class, ColumnId, ColumnUse, Kind, Opaque, OpaqueReason, Output, Outputs,
    Reach, RelationUse, Restriction, Source, Statement, Use,
};
use sql::catalog::{Catalog, CatalogRows, ColumnRow, InheritRow, RelationRow, ViewRow};
use tempfile::TempDir;

use self::guest::Guest;
use crate::config::{EngineConfig, Keys, Metering, Mode, PolicyConfig, PolicyLimits};
use crate::engine::Engine;
use crate::error::LoadError;
use crate::judge::Judge;
use crate::request::{Request, Step};
use crate::session::SessionFacts;
use crate::set::Policies;

/// public.users, whose column 2 is email (text), 3 age (integer), 4 nickname (citext).
pub(crate) const USERS: u32 = 1000;
/// public.users_old, a partition of public.users.
pub(crate) const USERS_OLD: u32 = 1001;
/// public.products.
pub(crate) const PRODUCTS: u32 = 1002;
/// public.addresses, a view of the e-mail addresses.
pub(crate) const ADDRESSES: u32 = 1003;
/// OID of citext in this database.
pub(crate) const CITEXT: u32 = 5000;

pub(crate) const EMAIL: ColumnId = ColumnId {
    relation: USERS,
    attribute: 2,
};
pub(crate) const AGE: ColumnId = ColumnId {
    relation: USERS,
    attribute: 3,
};
pub(crate) const NICKNAME: ColumnId = ColumnId {
    relation: USERS,
    attribute: 4,
};

/// The small database.
pub(crate) fn catalog() -> Arc<Catalog> {
    let relation = |oid, name: &str, kind| RelationRow {
        kind,
        ..RelationRow::table(oid, "public", name)
    };
    let column = |relation, attribute, name: &str, type_oid, type_name: &str| ColumnRow {
        relation,
        attribute,
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        generated: false,
        default: false,
        made_from: Vec::new(),
        required: false,
    };
    let users = |oid| {
        [
            column(oid, 1, "id", 23, "integer"),
            column(oid, 2, "email", 25, "text"),
            column(oid, 3, "age", 23, "integer"),
            column(oid, 4, "nickname", CITEXT, "citext"),
        ]
    };
    let mut columns = vec![column(PRODUCTS, 1, "id", 23, "integer")];
    columns.push(column(ADDRESSES, 1, "email", 25, "text"));
    columns.push(column(ADDRESSES, 2, "label", 25, "text"));
    columns.extend(users(USERS).into_iter().chain(users(USERS_OLD)));
    Arc::new(Catalog::from_rows(CatalogRows {
        relations: vec![
            relation(USERS, "users", 'r'),
            relation(USERS_OLD, "users_old", 'r'),
            relation(PRODUCTS, "products", 'r'),
            relation(ADDRESSES, "addresses", 'v'),
        ],
        columns,
        inherits: vec![InheritRow {
            child: USERS_OLD,
            parent: USERS,
        }],
        views: vec![ViewRow {
            relation: ADDRESSES,
            definition:
                "SELECT users.email, users.email || users.nickname AS label FROM public.users"
                    .to_owned(),
            reads: Vec::new(),
            rules: String::new(),
        }],
        ..CatalogRows::default()
    }))
}

/// Someone in these groups.
pub(crate) fn person(subject: &str, groups: &[&str]) -> Arc<Identity> {
    Arc::new(Identity {
        subject: subject.to_owned(),
        issuer: "https://id.example.org".to_owned(),
        email: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        claims: serde_json::Map::new(),
        actors: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_secs(3600),
    })
}

/// An agent that acts for a person.
pub(crate) fn agent_of(subject: &str, agent: &str, groups: &[&str]) -> Arc<Identity> {
    let mut identity = Identity::clone(&person(subject, groups));
    identity.actors.push(Actor {
        subject: agent.to_owned(),
        issuer: None,
    });
    Arc::new(identity)
}

pub(crate) fn facts_of(identity: Arc<Identity>) -> SessionFacts {
    SessionFacts {
        identity,
        database: "shop".into(),
        application: "psql".into(),
    }
}

pub(crate) fn facts() -> SessionFacts {
    facts_of(person("ana", &["staff"]))
}

pub(crate) fn query(text: &str) -> Request {
    Request {
        frames: Bytes::copy_from_slice(text.as_bytes()),
        step: Step::Query,
        text: text.into(),
        strings: Strings::Standard,
        parameters: None,
    }
}

/// A SELECT over public.users with these outputs, each one source.
pub(crate) fn select(sources: &[(ColumnId, Reach)]) -> Analysis {
    let output = |&(column, how): &(ColumnId, Reach)| Output {
        sources: vec![Source { column, how }],
    };
    let used = |&(column, how): &(ColumnId, Reach)| ColumnUse {
        column,
        used: match how {
            Reach::Projected => Use::Projected,
            Reach::Derived => Use::Derived,
            Reach::WholeRow => Use::WholeRow,
        },
        statement: 0,
    };
    Analysis {
        statements: vec![statement(
            "select",
            Class::Read,
            Outputs::Columns(sources.iter().map(output).collect()),
        )],
        relations: vec![reading(USERS, "users")],
        columns: sources.iter().map(used).collect(),
        ..Analysis::default()
    }
}

pub(crate) fn statement(command: &'static str, class: Class, outputs: Outputs) -> Statement {
    Statement {
        kind: Kind { class, command },
        restriction: None,
        rows: (class == Class::Read).then_some(Restriction::Some),
        outputs,
        copy: None,
        names: Vec::new(),
        changes_catalog: false,
        foreseen: sql::analysis::Foreseen::No,
        touched: sql::analysis::Touched::Anything,
        naming: sql::analysis::Naming::Keeps,
        doubted: false,
        keeps: false,
        sets_strings: false,
        inner: Vec::new(),
    }
}

pub(crate) fn reading(oid: u32, name: &str) -> RelationUse {
    RelationUse {
        oid: Some(oid),
        schema: "public".to_owned(),
        name: name.to_owned(),
        access: Access::Read,
        statement: 0,
    }
}

/// The analysis with one more use of a column.
pub(crate) fn using(mut analysis: Analysis, column: ColumnId, used: Use) -> Analysis {
    analysis.columns.push(ColumnUse {
        column,
        used,
        statement: 0,
    });
    analysis
}

/// The analysis with something that cannot be known.
pub(crate) fn opaque(mut analysis: Analysis, reason: OpaqueReason, detail: &str) -> Analysis {
    analysis.opaque.push(Opaque {
        reason,
        detail: detail.to_owned(),
        statement: 0,
    });
    analysis
}

/// A folder of modules and an engine to run them.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) engine: Engine,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(Metering::Off)
    }

    pub(crate) fn with(metering: Metering) -> Bench {
        let config = EngineConfig {
            instances: 32,
            memory_bytes: 64 << 20,
            metering,
            ..EngineConfig::default()
        };
        Bench {
            folder: TempDir::new().unwrap(),
            engine: Engine::new(config).unwrap(),
        }
    }

    /// A policy of this guest, with nothing granted.
    pub(crate) fn policy(&self, name: &str, guest: &Guest) -> PolicyConfig {
        self.module(name, &guest.module())
    }

    /// A policy of these bytes, with nothing granted.
    pub(crate) fn module(&self, name: &str, module: &[u8]) -> PolicyConfig {
        let path: PathBuf = self
            .folder
            .path()
            .join(crate::set::Digest::of(module).to_string());
        std::fs::write(&path, module).unwrap();
        PolicyConfig {
            name: name.to_owned(),
            module: path,
            digest: None,
            settings: serde_json::json!({}),
            grants: Vec::new(),
            tables: Vec::new(),
            limits: PolicyLimits {
                deadline_decide: Duration::from_millis(50),
                deadline_batch: Duration::from_millis(50),
                deadline_start: Duration::from_millis(500),
                memory_bytes: 4 << 20,
                output_bytes: 1 << 20,
                ..PolicyLimits::default()
            },
            mode: Mode::Enforce,
            shadow: None,
            trust: None,
        }
    }

    pub(crate) fn load(&self, configs: Vec<PolicyConfig>) -> Result<Policies, LoadError> {
        let keys = Keys::new([("pan".to_owned(), b"secret".to_vec())]);
        Policies::load(self.engine.clone(), configs, keys)
    }

    /// A judge over one policy of each of these guests.
    pub(crate) fn judge(&self, guests: &[&Guest]) -> Judge {
        let name = |(index, guest): (usize, &&Guest)| self.policy(&format!("p{index}"), guest);
        let configs = guests.iter().enumerate().map(name).collect();
        Judge::new(Arc::new(self.load(configs).unwrap()))
    }
}
