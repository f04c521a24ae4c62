//! What is looked for.

use std::ops::{Index, IndexMut};

use serde::Deserialize;

/// What is looked for, the surest first: where two kinds claim the same text, the first has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A private key in PEM.
    PrivateKey,
    /// A key or token of a known service, or a JSON web token.
    Token,
    /// An e-mail address.
    Email,
    /// An international bank account number.
    Iban,
    /// A number of a payment card.
    Card,
    /// A national number of a person.
    NationalId,
    /// A telephone number.
    Phone,
    /// A random text, as keys and passwords made by machines are.
    Secret,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 8] = [
        Kind::PrivateKey,
        Kind::Token,
        Kind::Email,
        Kind::Iban,
        Kind::Card,
        Kind::NationalId,
        Kind::Phone,
        Kind::Secret,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::PrivateKey => "private-key",
            Kind::Token => "token",
            Kind::Email => "email",
            Kind::Iban => "iban",
            Kind::Card => "card",
            Kind::NationalId => "national-id",
            Kind::Phone => "phone",
            Kind::Secret => "secret",
        }
    }

    /// Words in lower case that make the kind likelier where they stand before the text or in the
    /// name of the column.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Kind::PrivateKey | Kind::Email => &[],
            Kind::Iban => &["iban", "account", "konto"],
            Kind::Card => &["card", "visa", "master", "amex", "pan", "credit", "karte"],
            Kind::NationalId => &[
                "ssn",
                "social",
                "tax",
                "cpf",
                "dni",
                "nie",
                "nif",
                "fiscal",
                "nir",
                "insee",
                "national",
                "personal_id",
            ],
            Kind::Phone => &[
                "phone", "tel", "mobil", "cell", "fax", "call", "sms", "whatsapp", "handy",
            ],
            Kind::Token | Kind::Secret => &[
                "secret",
                "passw",
                "token",
                "key",
                "auth",
                "bearer",
                "credential",
                "pwd",
            ],
        }
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It has the shape, as other things have.
    Low,
    /// It has the shape, and what can be checked is right.
    Medium,
    /// It is hardly anything else.
    High,
}

/// One of something for each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T>([T; Kind::ALL.len()]);

impl<T> PerKind<T> {
    /// What `make` makes for each.
    pub fn from_fn(make: impl FnMut(Kind) -> T) -> PerKind<T> {
        PerKind(Kind::ALL.map(make))
    }
}

impl<T> Index<Kind> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: Kind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<Kind> for PerKind<T> {
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind as usize]
    }
}
