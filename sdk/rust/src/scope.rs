//! Whom a rule is for.

use crate::{Facts, NamePattern};

/// Whom a rule is for: every condition that is given must hold; the empty scope is everyone.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Members of at least one of these groups.
    pub groups: Vec<String>,
    /// But of none of these.
    pub except_groups: Vec<String>,
    /// Sessions on one of these databases.
    pub databases: Vec<NamePattern>,
    /// Sessions of one of these applications, as the client claims.
    pub applications: Vec<NamePattern>,
    /// Sessions in which one of these acts for the subject.
    pub actors: Vec<NamePattern>,
}

impl Scope {
    /// True where the session of these facts is in the scope.
    #[must_use]
    pub fn covers(&self, facts: &Facts) -> bool {
        (self.groups.is_empty() || is_member(facts, &self.groups))
            && !is_member(facts, &self.except_groups)
            && (self.databases.is_empty() || any(&self.databases, facts.database()))
            && (self.applications.is_empty() || any(&self.applications, facts.application()))
            && (self.actors.is_empty()
                || facts.actors().iter().any(|actor| any(&self.actors, actor)))
    }
}

fn is_member(facts: &Facts, groups: &[String]) -> bool {
    !groups.is_empty() && facts.groups().iter().any(|group| groups.contains(group))
}

fn any(patterns: &[NamePattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn patterns(texts: &[&str]) -> Vec<NamePattern> {
        texts
            .iter()
            .map(|text| NamePattern::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn the_empty_scope_is_everyone() {
        assert!(Scope::default().covers(&Facts::fixed()));
    }

    #[test]
    fn groups_are_joined_by_or_and_exceptions_win() {
        let scope = Scope {
            groups: strings(&["support", "sales"]),
            except_groups: strings(&["dba"]),
            ..Scope::default()
        };
        assert!(scope.covers(&Facts::fixed().with_groups(["sales"])));
        assert!(!scope.covers(&Facts::fixed().with_groups(["sales", "dba"])));
        assert!(!scope.covers(&Facts::fixed().with_groups(["Sales"])));
        assert!(!scope.covers(&Facts::fixed()));
    }

    #[test]
    fn databases_applications_and_actors_are_patterns() {
        let scope = Scope {
            applications: patterns(&["psql"]),
            ..Scope::default()
        };
        assert!(scope.covers(&Facts::fixed().with_application("psql")));
        assert!(!scope.covers(&Facts::fixed().with_application("pgadmin")));
        let scope = Scope {
            databases: patterns(&["prod*"]),
            actors: patterns(&["agent-*"]),
            ..Scope::default()
        };
        let facts = || Facts::fixed().with_database("prod_eu");
        assert!(scope.covers(&facts().with_actors(["proxy", "agent-7"])));
        assert!(!scope.covers(&facts()));
        assert!(!scope.covers(&facts().with_database("dev").with_actors(["agent-7"])));
    }
}
