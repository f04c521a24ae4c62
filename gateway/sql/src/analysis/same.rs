//! Whether two readings of one text, by catalogs of different times, say the same of it.

use std::collections::HashSet;

use super::{Analysis, Output, Outputs, Statement};

impl Analysis {
    /// True where they differ in nothing but temporary relations, which hold only what their session may
    /// see: those of other sessions come and go by the same names.
    pub fn says_the_same(&self, other: &Analysis) -> bool {
        self == other || self.without_temporary() == other.without_temporary()
    }

    fn without_temporary(&self) -> Analysis {
        let is_temporary = |schema: &str| schema.starts_with("pg_temp_");
        let relations = self.relations.iter();
        let gone: HashSet<u32> = relations
            .filter(|one| is_temporary(&one.schema))
            .filter_map(|one| one.oid)
            .collect();
        let mut lasting = self.clone();
        lasting.relations.retain(|one| !is_temporary(&one.schema));
        lasting
            .columns
            .retain(|one| !gone.contains(&one.column.relation));
        lasting
            .selected
            .retain(|column| !gone.contains(&column.relation));
        for statement in &mut lasting.statements {
            leave_out(statement, &gone);
        }
        lasting
    }
}

fn leave_out(statement: &mut Statement, gone: &HashSet<u32>) {
    let Outputs::Columns(outputs) = &statement.outputs else {
        return;
    };
    let outputs = outputs.iter().map(|output| {
        let sources = output.sources.iter().copied();
        Output {
            sources: sources
                .filter(|source| !gone.contains(&source.column.relation))
                .collect(),
        }
    });
    statement.outputs = Outputs::Columns(outputs.collect());
}
