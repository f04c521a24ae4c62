//! The second reader: where it reads a text but sees something else, nothing is certain.

#[cfg(test)]
mod regress;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::{Expr, ObjectName, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::bounds::{self, Part};
use crate::parse::{NodeEnum, inner, pg};

/// How deep the second reader may go; it gives up beyond.
const DEEPEST: usize = 600;

/// PostgreSQL cuts names to this many bytes.
const NAME_BYTES: usize = 63;

/// Where the second reader differs from the first; none where it agrees or cannot read the text.
/// `names` are those of all relations and functions that the first has met.
pub(crate) fn difference(
    text: &str,
    statements: &[pg::RawStmt],
    names: &HashSet<String>,
) -> Option<(usize, String)> {
    let second = catch_unwind(AssertUnwindSafe(|| read(text))).ok()??;
    if second.len() != statements.len() {
        return Some((
            0,
            format!("{} or {} statements", statements.len(), second.len()),
        ));
    }
    for (place, (first, second)) in statements.iter().zip(&second).enumerate() {
        let Some(node) = first.stmt.as_deref().and_then(inner) else {
            continue;
        };
        let (first, second_kind) = (first_kind(node), second_kind(second));
        if first != second_kind {
            if first == Sort::Other || second_kind == Sort::Other {
                continue;
            }
            return Some((place, "another kind of statement".to_owned()));
        }
        if first == Sort::Other {
            continue;
        }
        let mut seen = Names {
            known: names,
            strange: None,
        };
        let _ = second.visit(&mut seen);
        if let Some(name) = seen.strange {
            return Some((place, name));
        }
    }
    None
}

/// What the second reader makes of a text, where it can read it.
fn read(text: &str) -> Option<Vec<Statement>> {
    let dialect = PostgreSqlDialect {};
    let tokens: Vec<TokenWithSpan> = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .ok()?;
    if bounds::depth(tokens.iter().map(|token| part(&token.token))) > DEEPEST {
        return None;
    }
    let parser = Parser::new(&dialect).with_recursion_limit(DEEPEST);
    parser
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .ok()
}

fn part(token: &Token) -> Part {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Part::Open,
        Token::RParen | Token::RBracket | Token::RBrace => Part::Close,
        Token::Comma | Token::SemiColon => Part::Beside,
        Token::Whitespace(_) => Part::Nothing,
        Token::Word(word) => bounds::word(word.value.as_bytes()),
        _ => Part::Other,
    }
}

/// The sorts of statement that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Query,
    Insert,
    Update,
    Delete,
    Other,
}

fn first_kind(node: &NodeEnum) -> Sort {
    match node {
        NodeEnum::SelectStmt(_) => Sort::Query,
        NodeEnum::InsertStmt(_) => Sort::Insert,
        NodeEnum::UpdateStmt(_) => Sort::Update,
        NodeEnum::DeleteStmt(_) => Sort::Delete,
        _ => Sort::Other,
    }
}

fn second_kind(statement: &Statement) -> Sort {
    match statement {
        Statement::Query(query) => match query.body.as_ref() {
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => second_kind(statement),
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_)
            | SetExpr::Table(_) => Sort::Query,
        },
        Statement::Insert(_) => Sort::Insert,
        Statement::Update { .. } => Sort::Update,
        Statement::Delete(_) => Sort::Delete,
        _ => Sort::Other,
    }
}

/// Looks for names that the first reader has not met.
struct Names<'a> {
    known: &'a HashSet<String>,
    strange: Option<String>,
}

impl Names<'_> {
    fn meet(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let Some(last) = name.0.last().and_then(|part| part.as_ident()) else {
            return ControlFlow::Continue(());
        };
        let mut name = match last.quote_style {
            Some(_) => last.value.clone(),
            None => last.value.to_ascii_lowercase(),
        };
        while name.len() > NAME_BYTES {
            name.pop();
        }
        if self.known.contains(&name) || GRAMMAR.contains(&name.as_str()) {
            return ControlFlow::Continue(());
        }
        self.strange = Some(name);
        ControlFlow::Break(())
    }
}

impl Visitor for Names<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.meet(relation)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => self.meet(&function.name),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// What the second reader takes for functions and PostgreSQL's grammar does not.
const GRAMMAR: &[&str] = &[
    "array",
    "coalesce",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "greatest",
    "grouping",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "least",
    "localtime",
    "localtimestamp",
    "merge_action",
    "normalize",
    "nullif",
    "only",
    "row",
    "session_user",
    "user",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];
