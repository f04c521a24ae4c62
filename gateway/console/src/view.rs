//! JSON as the API shows and takes it. The command line reads the same.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use policy::hold::HoldView;
use policy::request::Parameters;
use serde::{Deserialize, Serialize};

/// What waits.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Holds {
    /// Oldest first.
    pub holds: Vec<Hold>,
}

/// One request that waits for approval.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Hold {
    /// Its number.
    pub number: u64,
    /// Since when, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// Who asks.
    pub requester: Person,
    /// The database as the client named it.
    pub database: String,
    /// The application's name, as the client claims it.
    pub application: String,
    /// The statement.
    pub statement: String,
    /// Its parameters in order, null for NULL; absent where it has none. Binary values are shown in
    /// hex after `\x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Option<String>>>,
    /// What an approval is bound to: the bytes, parameters, identity and database.
    pub digest: String,
    /// The generation of policies that holds it.
    pub generation: u64,
    /// What must be met before it may go.
    pub demands: Vec<Demand>,
    /// Who approved so far.
    pub approved_by: Vec<Person>,
}

/// What one policy demands.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Demand {
    /// The policy.
    pub policy: String,
    /// Why, for the approver.
    pub reason: String,
    /// Groups that may approve; empty for the deployment's own.
    pub approvers: Vec<String>,
    /// How many people must.
    pub approvals: u32,
    /// How many are missing.
    pub missing: u32,
}

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Person {
    /// The subject of the token.
    pub subject: String,
    /// Who vouches.
    pub issuer: String,
    /// The address, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// Who acts for them, the current actor first.
    pub actors: Vec<String>,
}

/// What an answer to a hold led to.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Answer {
    /// The request's number.
    pub number: u64,
    /// What now.
    pub outcome: Outcome,
}

/// What became of a request that waited.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is judged again and goes.
    Released,
    /// Others must approve too.
    NeedsMore,
    /// It is refused.
    Denied,
}

/// What an approval is for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The digest of the request that the approver has seen, so that no other one is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Why a request is denied.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// In words for the requester.
    pub reason: String,
}

/// The policies in force.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Policies {
    /// Counts the sets that took effect.
    pub generation: u64,
    /// In order.
    pub policies: Vec<Policy>,
    /// Why the last attempt to replace them failed; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
}

/// One policy in force.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// SHA-256 of its module.
    pub digest: String,
    /// "enforce", "observe" or "off".
    pub mode: String,
    /// What it imports beside the facts.
    pub imports: Vec<String>,
    /// Whether it transforms values itself.
    pub transforms: bool,
    /// Calls of its hooks.
    pub calls: u64,
    /// Instances started.
    pub starts: u64,
    /// Failed calls by kind; kinds that never came are left out.
    pub failures: BTreeMap<String, u64>,
    /// Since when it keeps failing, where it does.
    pub failing_since: Option<String>,
    /// Who vouches for its module, where signatures are required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// The version that judges beside it; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
}

/// A second version of a policy, which judges beside it and never decides.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Shadow {
    /// SHA-256 of its module.
    pub digest: String,
    /// How often it was asked.
    pub asked: u64,
    /// How often it said something else, by kind.
    pub differences: BTreeMap<String, u64>,
    /// The first of each kind and shape.
    pub examples: Vec<Difference>,
    /// Failed calls by kind; kinds that never came are left out.
    pub failures: BTreeMap<String, u64>,
    /// Whether it is not asked for a while because it failed.
    pub paused: bool,
}

/// What a policy and its shadow said of requests of one shape.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Difference {
    /// "effect", "protections" or "reason".
    pub kind: String,
    /// What was asked, without literals.
    pub shape: String,
    /// Who asked first.
    pub who: String,
    /// What the policy said.
    pub was: String,
    /// What its shadow would have.
    pub would: String,
    /// How often.
    pub requests: u64,
    /// Since when, RFC 3339.
    pub since: String,
}

/// A set that did not take effect.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Rejected {
    /// The policy at fault, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The step that failed.
    pub step: String,
    /// What is wrong.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
}

/// A refusal or failure.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&HoldView> for Hold {
    fn from(waiting: &HoldView) -> Self {
        let (hold, facts) = (&waiting.hold, waiting.hold.facts());
        let demands = hold.demands().iter().zip(&waiting.missing);
        Self {
            number: waiting.number.number(),
            since: rfc3339(waiting.since),
            until: rfc3339(waiting.until),
            requester: Person::from(&*facts.identity),
            database: facts.database.to_string(),
            application: facts.application.to_string(),
            statement: hold.request().text.to_string(),
            parameters: hold.request().parameters.as_ref().map(parameters),
            digest: hold.digest().to_string(),
            generation: hold.generation().number(),
            demands: demands
                .map(|(demand, missing)| Demand::new(demand, *missing))
                .collect(),
            approved_by: waiting
                .approvers
                .iter()
                .map(|one| Person::from(&**one))
                .collect(),
        }
    }
}

impl Demand {
    fn new(demand: &policy::Demand, missing: u32) -> Self {
        Self {
            policy: demand.policy.to_string(),
            reason: demand.reason.to_string(),
            approvers: demand.approvers.to_vec(),
            approvals: demand.approvals,
            missing,
        }
    }
}

impl From<&identity::Identity> for Person {
    fn from(identity: &identity::Identity) -> Self {
        Self {
            subject: identity.subject.clone(),
            issuer: identity.issuer.clone(),
            email: identity.email.clone(),
            groups: identity.groups.clone(),
            actors: identity
                .actors
                .iter()
                .map(|actor| actor.subject.clone())
                .collect(),
        }
    }
}

impl From<&policy::Status> for Policies {
    fn from(status: &policy::Status) -> Self {
        Self {
            generation: status.generation.number(),
            policies: status.policies.iter().map(Policy::from).collect(),
            rejected: status.rejected.as_ref().map(|rejected| Rejected {
                policy: rejected.policy.clone(),
                step: rejected.step.to_string(),
                reason: rejected.reason.clone(),
                at: humantime::format_rfc3339_millis(rejected.at).to_string(),
            }),
        }
    }
}

impl From<&policy::PolicyStatus> for Policy {
    fn from(status: &policy::PolicyStatus) -> Self {
        Self {
            name: status.name.to_string(),
            digest: status.digest.to_string(),
            mode: status.mode.to_string(),
            imports: status.imports.iter().map(ToString::to_string).collect(),
            transforms: status.transforms,
            calls: status.calls,
            starts: status.starts,
            failures: failures(&status.failures),
            failing_since: status.failing_since.map(rfc3339),
            signers: status.signers.iter().map(ToString::to_string).collect(),
            shadow: status.shadow.as_ref().map(Shadow::from),
        }
    }
}

fn failures(counts: &[(policy::Failure, u64)]) -> BTreeMap<String, u64> {
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(kind, count)| (kind.to_string(), *count))
        .collect()
}

impl From<&policy::ShadowStatus> for Shadow {
    fn from(status: &policy::ShadowStatus) -> Self {
        let differences = status.differences.iter();
        Self {
            digest: status.digest.to_string(),
            asked: status.asked,
            differences: differences
                .map(|(kind, count)| (kind.as_str().to_owned(), *count))
                .collect(),
            examples: status.examples.iter().map(Difference::from).collect(),
            failures: failures(&status.failures),
            paused: status.paused,
        }
    }
}

impl From<&policy::Difference> for Difference {
    fn from(difference: &policy::Difference) -> Self {
        Self {
            kind: difference.kind.as_str().to_owned(),
            shape: difference.shape.clone(),
            who: difference.who.clone(),
            was: difference.was.clone(),
            would: difference.would.clone(),
            requests: difference.requests,
            since: rfc3339(difference.since),
        }
    }
}

/// Values as an approver can read them: text as it is, everything else in hex. Bytes of a binary
/// value could spell a text that is not its meaning.
fn parameters(parameters: &Parameters) -> Vec<Option<String>> {
    const TEXT: i16 = 0;
    let shown = |(position, value): (usize, &Option<Bytes>)| {
        let bytes: &[u8] = value.as_ref()?;
        let is_text = parameters.formats.format(position).code() == TEXT;
        match std::str::from_utf8(bytes) {
            Ok(text) if is_text => Some(text.to_owned()),
            Ok(_) | Err(_) => Some(hex(bytes)),
        }
    };
    parameters.values.iter().enumerate().map(shown).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("\\x".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
