//! A judge over one module, before whom cases are tried.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use identity::{Actor, Identity};
use policy::{
    Engine, EngineConfig, Hook, Judge, Keys, LoadError, LoadStep, Masker, Metering, Mode, Peaks,
    Permit, Policies, PolicyConfig, PolicyLimits, Request, Session, SessionFacts, Step, Verdict,
};
use serde_json::Value;
use sql::analysis::{Analysis, Outputs};
use sql::catalog::Catalog;
use wire::batch::{Batch, Index, Wanted};
use wire::upstream::{Field, Format, RowDescription};

use super::{Case, Outcome, Rows, Who};

/// The policy under test is called so.
const POLICY: &str = "policy";

/// OID of text: what outputs have that come from no column.
const TEXT: u32 = 25;

pub(super) struct Trial {
    policies: Arc<Policies>,
    judge: Judge,
    catalog: Arc<Catalog>,
    config: PolicyConfig,
    /// Of the settings that the policy had before.
    peaks: Peaks,
}

/// A case before the judge: who asks, and what.
pub(super) struct Hearing {
    session: Session,
    request: Request,
    analysis: Arc<Analysis>,
}

impl Hearing {
    pub(super) fn analysis(&self) -> &Analysis {
        &self.analysis
    }
}

impl Trial {
    /// Loads the module with the settings of the suite.
    pub(super) fn open(
        module: &Path,
        limits: &PolicyLimits,
        metering: Metering,
        settings: &Value,
        catalog: Arc<Catalog>,
    ) -> anyhow::Result<Trial> {
        let config = PolicyConfig {
            name: POLICY.to_owned(),
            module: module.to_owned(),
            digest: None,
            settings: settings.clone(),
            grants: policy::Grant::ALL.to_vec(),
            tables: Vec::new(),
            limits: limits.clone(),
            mode: Mode::Enforce,
            shadow: None,
            trust: None,
        };
        let engine = EngineConfig {
            instances: 8,
            metering,
            ..EngineConfig::default()
        };
        let engine = Engine::new(engine)?;
        let keys = Keys::new([("default".to_owned(), b"cases".to_vec())]);
        let policies = Arc::new(Policies::load(engine, vec![config.clone()], keys)?);
        Ok(Trial {
            judge: Judge::new(Arc::clone(&policies)),
            policies,
            catalog,
            config,
            peaks: Peaks::default(),
        })
    }

    /// What comes of a case.
    pub(super) fn hear(&mut self, case: &Case, settings: &Value) -> anyhow::Result<Outcome> {
        let mut hearing = match self.open_hearing(case, settings)? {
            Ok(hearing) => hearing,
            Err(outcome) => return Ok(outcome),
        };
        match self.judge(&mut hearing) {
            Verdict::Allow(permit) => self.allowed(&permit, &hearing.analysis, case.rows.as_ref()),
            Verdict::Deny(denial) => Ok(denied(&denial)),
            Verdict::Hold(hold) => Ok(held(&hold)),
        }
    }

    /// Brings a case before the judge, unless it is over before.
    pub(super) fn open_hearing(
        &mut self,
        case: &Case,
        settings: &Value,
    ) -> anyhow::Result<Result<Hearing, Outcome>> {
        if let Some(error) = self.configure(settings)? {
            return Ok(Err(Outcome {
                error: Some(error),
                ..Outcome::default()
            }));
        }
        let Some(statement) = &case.statement else {
            return Ok(Err(Outcome::default()));
        };
        Ok(match self.judge.admit(facts(&case.who), &self.catalog) {
            Ok(mut session) => {
                session.opens();
                Ok(Hearing {
                    session,
                    request: request(statement, case.prepared),
                    analysis: Arc::new(sql::analyze(statement, &self.catalog)),
                })
            }
            Err(denial) => Err(denied(&denial)),
        })
    }

    /// The verdict, by the policy: none is used again.
    pub(super) fn judge(&mut self, hearing: &mut Hearing) -> Verdict<'static> {
        let (request, analysis) = (hearing.request.clone(), Arc::clone(&hearing.analysis));
        self.judge
            .judge(&mut hearing.session, request, analysis, &self.catalog)
    }

    /// The most that the policy took so far.
    pub(super) fn peaks(&self) -> Peaks {
        let status = self.policies.status();
        let peaks = status.policies.iter().map(|policy| policy.peaks);
        peaks.fold(self.peaks, Peaks::join)
    }

    /// Gives the policy these settings, unless it has them. What it has against them comes back.
    fn configure(&mut self, settings: &Value) -> Result<Option<String>, LoadError> {
        if self.config.settings == *settings {
            return Ok(None);
        }
        self.peaks = self.peaks();
        let mut config = self.config.clone();
        config.settings = settings.clone();
        match self.policies.replace(vec![config.clone()]) {
            Ok(_) => self.config = config,
            Err(error) if error.step == LoadStep::Configure => return Ok(Some(error.reason)),
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    fn allowed(
        &mut self,
        permit: &Permit<'_>,
        analysis: &Analysis,
        rows: Option<&Rows>,
    ) -> anyhow::Result<Outcome> {
        let plan = permit.plan();
        let masks = plan.masks().map(|masks| masks.lines().map(str::to_owned));
        let note = plan.notes().first().map(|note| note.text.to_string());
        let rows = rows.map(|rows| self.deliver(permit, analysis, rows));
        Ok(Outcome {
            verdict: Some("allow".to_owned()),
            note,
            masks: Some(masks.into_iter().flatten().collect()),
            rows: rows.transpose()?,
            ..Outcome::default()
        })
    }

    /// The rows as the client gets them.
    fn deliver(
        &mut self,
        permit: &Permit<'_>,
        analysis: &Analysis,
        rows: &Rows,
    ) -> anyhow::Result<Rows> {
        let description = self.describe(analysis)?;
        let width = description.fields.len();
        let sent = data_rows(rows.iter(), width)?;
        let plan = permit.plan().result(0).context("it has no result")?;
        let mut masker = plan.bind(&description)?;
        let mut masked = BytesMut::new();
        self.mask(&mut masker, &sent, &mut masked)?;
        read(&masked, width)
    }

    /// Appends the rows as the masker leaves them.
    pub(super) fn mask(
        &mut self,
        masker: &mut Masker,
        rows: &[u8],
        out: &mut BytesMut,
    ) -> anyhow::Result<()> {
        Ok(masker.apply(&mut self.judge, rows, out)?)
    }

    /// Calls the policy over nothing.
    pub(super) fn call_empty(&mut self) -> anyhow::Result<Hook> {
        let called = self.judge.call_empty();
        called.map_err(|failure| anyhow::anyhow!("an empty call failed: {failure}"))
    }

    /// True where the policy masks values itself.
    pub(super) fn transforms(&self) -> bool {
        let status = self.policies.status();
        status.policies.iter().any(|policy| policy.transforms)
    }

    /// How PostgreSQL would describe the result.
    pub(super) fn describe(&self, analysis: &Analysis) -> anyhow::Result<RowDescription> {
        let statement = analysis.statements.first().context("it has no statement")?;
        let Outputs::Columns(outputs) = &statement.outputs else {
            anyhow::bail!("only a statement whose columns are known returns rows here");
        };
        let field = |output: &sql::analysis::Output| {
            let source = match output.sources[..] {
                [source] => self
                    .catalog
                    .column(source.column)
                    .map(|info| (source, info)),
                _ => None,
            };
            let (table, attribute, type_oid) = source.map_or((0, 0, TEXT), |(source, info)| {
                let column = source.column;
                (column.relation, column.attribute, info.type_oid)
            });
            Field {
                name: Bytes::new(),
                table,
                attribute,
                type_oid,
                type_size: -1,
                type_modifier: -1,
                format: Format::Text,
            }
        };
        Ok(RowDescription {
            fields: outputs.iter().map(field).collect(),
        })
    }
}

/// The rows as PostgreSQL sends them.
pub(super) fn data_rows<'a>(
    rows: impl Iterator<Item = &'a Vec<Option<String>>>,
    width: usize,
) -> anyhow::Result<BytesMut> {
    let mut sent = BytesMut::new();
    for row in rows {
        let values = row.iter().map(|value| value.as_deref().map(str::as_bytes));
        let values: Vec<Option<&[u8]>> = values.collect();
        let count = values.len();
        anyhow::ensure!(count == width, "a row has {count} values, not {width}");
        wire::write::data_row(&mut sent, &values)?;
    }
    Ok(sent)
}

fn read(rows: &[u8], width: usize) -> anyhow::Result<Rows> {
    let wanted = Wanted::new(width, 0..width)?;
    let mut index = Index::default();
    let batch = Batch::read(rows, &wanted, &mut index)?;
    let text = |value: &[u8]| {
        std::str::from_utf8(value)
            .map(str::to_owned)
            .context("a value is not UTF-8")
    };
    let row = |row| {
        let values = (0..width).map(|column| batch.value(row, column).map(text).transpose());
        values.collect()
    };
    (0..batch.rows()).map(row).collect()
}

fn facts(who: &Who) -> SessionFacts {
    let actor = |subject: &String| Actor {
        subject: subject.clone(),
        issuer: None,
    };
    let or = |text: &str, otherwise: &str| match text {
        "" => otherwise.into(),
        text => text.into(),
    };
    SessionFacts {
        identity: Arc::new(Identity {
            subject: who.subject.clone(),
            issuer: "https://id.example.org".to_owned(),
            email: who.email.clone(),
            groups: who.groups.clone(),
            claims: who.claims.clone(),
            actors: who.actors.iter().map(actor).collect(),
            expires_at: SystemTime::now() + Duration::from_secs(3600),
        }),
        database: or(&who.database, "shop"),
        application: or(&who.application, "cases"),
    }
}

fn request(statement: &str, prepared: bool) -> Request {
    Request {
        frames: Bytes::copy_from_slice(statement.as_bytes()),
        step: if prepared { Step::Parse } else { Step::Query },
        text: statement.into(),
        strings: sql::Strings::Standard,
        parameters: None,
    }
}

fn denied(denial: &policy::Denial) -> Outcome {
    Outcome {
        verdict: Some("deny".to_owned()),
        by: Some(denial.policy.to_string()).filter(|by| by != POLICY),
        reason: Some(denial.reason.to_string()),
        hint: denial.hint.as_deref().map(str::to_owned),
        ..Outcome::default()
    }
}

fn held(hold: &policy::Hold) -> Outcome {
    let demand = hold.demands().first();
    Outcome {
        verdict: Some("hold".to_owned()),
        by: demand
            .map(|demand| demand.policy.to_string())
            .filter(|by| by != POLICY),
        reason: demand.map(|demand| demand.reason.to_string()),
        approvers: demand.map(|demand| demand.approvers.to_vec()),
        ..Outcome::default()
    }
}
