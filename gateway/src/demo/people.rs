//! Who there is in the demo, and what their tokens say.

use identity::issuer::Claims;

/// A person, or an agent of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// Reads for reports: contact and payment data are masked.
    Alice,
    /// An AI agent that acts for Alice: what she may, on the record as both.
    Agent,
    /// Runs the databases: approves what is held.
    Dora,
}

impl Person {
    /// Everybody.
    pub const ALL: [Person; 3] = [Person::Alice, Person::Agent, Person::Dora];

    /// The name, as in `psql -U` and the name of the token's file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Person::Alice => "alice",
            Person::Agent => "reporting-agent",
            Person::Dora => "dora",
        }
    }

    /// What the token says.
    #[must_use]
    pub fn claims(self) -> Claims {
        const LIFETIME: std::time::Duration = std::time::Duration::from_secs(12 * 60 * 60);
        let claims = match self {
            Person::Alice => Claims::about("alice").in_groups(["analysts"]),
            Person::Agent => Claims::about("alice")
                .in_groups(["analysts"])
                .via(self.name()),
            Person::Dora => Claims::about("dora").in_groups(["dba"]),
        };
        let email = Some(format!("{}@shop.example", claims.subject));
        Claims {
            email,
            ..claims.for_time(LIFETIME)
        }
    }
}
