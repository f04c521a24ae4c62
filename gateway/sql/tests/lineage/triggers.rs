//! What triggers do with the values that a statement gives and with those that were there.

use sluice_sql::analysis::Use;
use sluice_sql::analyze;
use sluice_sql::catalog::{Catalog, ReferenceRow};

use crate::bodies::add_trigger;
use crate::support::{on_big_stack, rows};

/// The columns of `users` that a condition or a copy has, where a function runs before each row.
fn used_by(text: &str, events: i16, attributes: &[i16], source: &str) -> Vec<String> {
    let mut rows = rows();
    let users = rows.relations.iter_mut().find(|one| one.name == "users");
    let users = users.unwrap();
    // name and email
    users.checks = vec![vec![2, 3]];
    let relation = users.oid;
    let trigger = add_trigger(&mut rows, relation, (900_000, source), events);
    trigger.attributes = attributes.to_vec();
    trigger.asked = vec![4];
    let catalog = Catalog::from_rows(rows);
    let analysis = analyze(text, &catalog);
    assert!(analysis.opaque.is_empty(), "{text}: {:?}", analysis.opaque);
    let used = analysis.columns.iter();
    let used = used.filter(|one| matches!(one.used, Use::Filtered | Use::Copied));
    used.map(|one| catalog.column(one.column).unwrap().name.to_owned())
        .collect()
}

/// Whether a condition or a copy has the e-mail address, where a function does this before each row.
fn has_email(text: &str, events: i16, made: &str) -> bool {
    let source = format!("BEGIN {made} RETURN NEW; END");
    used_by(text, events, &[], &source).contains(&"email".to_owned())
}

#[test]
fn a_trigger_counts_where_it_runs() {
    on_big_stack(|| {
        let nothing = "BEGIN RETURN NEW; END";
        let texts = [
            "INSERT INTO users (id) VALUES (1)",
            "UPDATE users SET org_id = 1",
            "UPDATE users SET name = ''",
            "DELETE FROM users",
            "INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = ''",
            "MERGE INTO users u USING orgs o ON u.id = o.id WHEN MATCHED THEN UPDATE SET name = ''",
        ];
        let asks = |events, attributes: &[i16]| {
            texts.map(|text| {
                used_by(text, events, attributes, nothing).contains(&"password".to_owned())
            })
        };
        assert_eq!(asks(7, &[]), [false; 6], "a row of one's own");
        assert_eq!(asks(11, &[]), [false, false, false, true, false, false]);
        assert_eq!(asks(19, &[]), [false, true, true, false, true, true]);
        assert_eq!(asks(19, &[2]), [false, false, true, false, true, true]);
        assert_eq!(asks(31, &[2]), [false, false, true, true, true, true]);
    });
}

#[test]
fn what_a_trigger_sets_is_compared() {
    on_big_stack(|| {
        let text = "UPDATE users SET org_id = 1";
        let compares = |source: &str| used_by(text, 19, &[], source).contains(&"email".to_owned());
        for source in [
            "BEGIN NEW.name := OLD.org_id; RETURN NEW; END",
            "BEGIN NEW.name := 'x'; RETURN NEW; END",
            "BEGIN IF NEW.id > 1 THEN NEW.name := current_setting('a.b'); END IF; RETURN NEW; END",
            "BEGIN NEW.name := NEW.name || 'x'; RETURN NEW; END",
            "BEGIN NEW.name := lower(NEW.name || 'x'); RETURN NEW; END",
            "BEGIN NEW.name := left(NEW.name); RETURN NEW; END",
            "BEGIN IF NEW.id > 1 THEN NEW.email := ''; END IF; NEW.name := 'x'; RETURN NEW; END",
            "BEGIN NEW.email := coalesce(NEW.email, ''); NEW.name := 'x'; RETURN NEW; END",
        ] {
            assert!(compares(source), "{source}");
        }
        for source in [
            "BEGIN NEW.org_id := 2; RETURN NEW; END",
            "BEGIN NEW.name := lower(NEW.name); RETURN NEW; END",
            "BEGIN NEW.name := Lower(trim(NEW.name)); RETURN NEW; END",
        ] {
            assert!(!compares(source), "{source}");
        }
        let used =
            |source: &str| used_by("UPDATE users SET name = '', email = ''", 19, &[], source);
        assert!(!used("BEGIN RETURN NEW; END").contains(&"email".to_owned()));
        for restores in [
            "BEGIN NEW.email := OLD.email; RETURN NEW; END",
            "BEGIN IF NEW.id = 1 THEN RETURN OLD; END IF; RETURN NEW; END",
            "BEGIN IF tg_op = 'DELETE' THEN RETURN OLD; ELSE RETURN OLD; END IF; END",
            "BEGIN IF tg_op <> 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END",
        ] {
            assert!(used(restores).contains(&"email".to_owned()), "{restores}");
        }
        for returns in [
            "BEGIN IF (TG_OP = 'DELETE') THEN RETURN OLD; END IF; RETURN NEW; END",
            "BEGIN IF tg_op = 'INSERT' THEN NULL; ELSIF tg_op='DELETE' THEN RETURN OLD; END IF; RETURN NEW; END",
        ] {
            assert!(!used(returns).contains(&"email".to_owned()), "{returns}");
        }
        // AFTER
        let text = "UPDATE users SET name = '', email = ''";
        let used = used_by(text, 17, &[], "BEGIN RETURN OLD; END");
        assert!(!used.contains(&"email".to_owned()));
    });
}

#[test]
fn what_is_given_is_no_value_that_was_there() {
    on_big_stack(|| {
        let reads =
            |text: &str, source: &str| used_by(text, 19, &[], source).contains(&"email".to_owned());
        let of_new = "BEGIN NEW.org_id := NEW.email; RETURN NEW; END";
        let of_old = "BEGIN NEW.org_id := OLD.email; RETURN NEW; END";
        assert!(reads("UPDATE users SET org_id = 1", of_new));
        assert!(!reads("UPDATE users SET email = ''", of_new));
        assert!(reads("UPDATE users SET email = ''", of_old));
    });
}

#[test]
fn what_is_given_is_not_compared_with_what_was_there() {
    on_big_stack(|| {
        let reads = |made: &str| has_email("UPDATE users SET email = ''", 19, made);
        for made in [
            "IF NEW.email < OLD.email THEN NEW.email := ''; END IF;",
            "IF OLD.email < 'm' THEN NEW.email := ''; END IF;",
            "IF NEW.email IS DISTINCT FROM OLD.email THEN NEW.email := lower(NEW.email); END IF;",
            "NEW.email := greatest(NEW.email, OLD.email);",
            "NEW.email := coalesce(OLD.email, NEW.email);",
            "NEW.email := coalesce(NEW.email, nullif(OLD.email, NEW.email));",
            "NEW.email := coalesce(nullif(NEW.email, OLD.email), OLD.email);",
            "IF OLD.email < 'm' THEN NEW.email := OLD.email; END IF;",
            "IF coalesce(NEW.email, OLD.email) THEN NEW.email := 'a'; END IF;",
            "NEW.email := CASE WHEN NEW.email < OLD.email THEN 'a' ELSE 'b' END;",
        ] {
            assert!(reads(made), "{made}");
        }
        assert!(!reads("NEW.email := Coalesce(NEW.email, OLD.email);"));
        assert!(!reads(
            "IF NEW.email = '' THEN NEW.email := OLD.email; END IF;"
        ));
    });
}

#[test]
fn what_is_only_compared_with_itself_counts_where_it_is_set() {
    on_big_stack(|| {
        let asks = |text: &str, condition: &str| {
            let source = format!("BEGIN IF {condition} THEN NEW.id := 1; END IF; RETURN NEW; END");
            used_by(text, 19, &[], &source).contains(&"profile".to_owned())
        };
        let conditions = [
            "NEW IS DISTINCT FROM OLD",
            "OLD.* is not distinct from new.*",
            "ROW(NEW.*) IS DISTINCT FROM ROW(OLD.*)",
            "NEW.profile IS DISTINCT FROM OLD.profile",
            "(NEW.profile IS DISTINCT FROM OLD.profile)",
            "NEW.profile <> OLD.profile",
            "( (OLD.profile != NEW.profile) )",
            "TG_OP = 'INSERT' OR NEW.profile IS DISTINCT FROM OLD.profile",
            "tg_op = 'UPDATE' and (NEW.profile <> OLD.profile)",
            "OLD.\"profile\" IS DISTINCT FROM (NEW.profile)",
        ];
        for condition in &conditions[..9] {
            assert!(
                !asks("UPDATE users SET org_id = 1", condition),
                "{condition}"
            );
        }
        for condition in conditions {
            assert!(
                asks("UPDATE users SET profile = NULL", condition),
                "{condition}"
            );
        }
        assert!(asks(
            "MERGE INTO users u USING orgs o ON u.id = o.id WHEN MATCHED THEN UPDATE SET org_id = 1",
            conditions[0]
        ));
        for condition in [
            conditions[9],
            "TG_OP = 'UPDATE' OR NEW.profile <> OLD.profile",
            "TG_OP = 'INSERT' AND NEW.profile <> OLD.profile",
            "TG_OP = 'INSERT' OR NEW.profile <> OLD.profile OR true",
            "TG_OP <> 'INSERT' OR NEW.profile <> OLD.profile",
            "NEW.profile <> OLD.name::jsonb",
            "(NEW.profile) <> OLD.profile OR (true)",
            "(NEW.profile <> OLD.profile) IS NULL",
            "NOT (NEW.profile <> OLD.profile)",
            "NEW.profile = OLD.profile",
            "NEW.profile IS DISTINCT FROM OLD.name::jsonb",
            "NEW.profile IS DISTINCT FROM OLD.profile AND true",
            "NEW.profile IS NULL",
        ] {
            assert!(
                asks("UPDATE users SET org_id = 1", condition),
                "{condition}"
            );
        }
    });
}

#[test]
fn what_is_assigned_only_where_it_differs_is_not_set() {
    on_big_stack(|| {
        let asks = |made: &str| has_email("UPDATE users SET org_id = 1", 23, made);
        let tidies = "THEN NEW.email := lower(NEW.email);";
        for condition in [
            "NEW.email IS DISTINCT FROM OLD.email",
            "NEW.email <> OLD.email",
            "TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email",
            "TG_OP = 'UPDATE' AND NEW.email <> OLD.email",
        ] {
            assert!(!asks(&format!("IF {condition} {tidies} END IF;")));
            let otherwise = format!("IF {condition} THEN NULL; ELSE NEW.email := ''; END IF;");
            assert!(asks(&otherwise), "{otherwise}");
        }
        let within = "IF NEW.email <> OLD.email THEN IF NEW.email = '' THEN NEW.email := NULL; END IF; END IF;";
        assert!(!asks(within), "{within}");
        for made in [
            "IF NEW.email IS NOT DISTINCT FROM OLD.email THEN NEW.email := ''; END IF;",
            "IF NEW.name <> OLD.name THEN NULL; ELSIF NEW.email <> OLD.email THEN NULL; ELSE NEW.email := ''; END IF;",
            "IF NEW.email <> OLD.email THEN NULL; END IF; NEW.email := '';",
            "IF NEW.name <> OLD.name THEN NEW.email := ''; END IF; IF NEW.email <> OLD.email THEN NULL; END IF;",
        ] {
            assert!(asks(made), "{made}");
        }
    });
}

#[test]
fn a_trigger_that_nobody_knows_may_set_any_column() {
    on_big_stack(|| {
        let asks = |text: &str, source: &str, later: &str| {
            let mut rows = rows();
            let users = rows.relations.iter().find(|one| one.name == "users");
            let relation = users.unwrap().oid;
            // The later one asks whether the row changes, where its function asks nothing.
            let row = if later.contains("IF") {
                vec![]
            } else {
                vec![0]
            };
            add_trigger(&mut rows, relation, (900_000, source), 19);
            add_trigger(&mut rows, relation, (900_001, later), 19).compared = row;
            let catalog = Catalog::from_rows(rows);
            let analysis = analyze(text, &catalog);
            let mut used = analysis.columns.iter();
            used.any(|one| {
                let column = catalog.column(one.column).unwrap();
                one.used == Use::Filtered && column.name == "email"
            })
        };
        let nothing = "BEGIN RETURN NEW; END";
        let unknown = "BEGIN PERFORM 1; RETURN NEW; END";
        let tidies = "BEGIN NEW.email := lower(NEW.email); RETURN NEW; END";
        let other = "UPDATE users SET org_id = 1";
        assert!(!asks(other, nothing, nothing));
        assert!(asks(other, tidies, nothing));
        assert!(asks(other, unknown, nothing));
        // Nor is what a statement sets certain to stay, after one that may give back what was there.
        let reads = "BEGIN IF NEW.email > 'm' THEN NEW.name := 'x'; END IF; RETURN NEW; END";
        let itself = "UPDATE users SET email = ''";
        assert!(!asks(itself, nothing, reads));
        assert!(asks(itself, unknown, reads));
        assert!(asks(itself, "BEGIN RETURN OLD; END", reads));
    });
}

#[test]
fn what_a_key_passes_on_counts_where_it_is_set() {
    on_big_stack(|| {
        let reads = |text: &str, at_orgs: &str| {
            let mut rows = rows();
            let named = |name: &str| rows.relations.iter().find(|one| one.name == name);
            let (orgs, users) = (named("orgs").unwrap().oid, named("users").unwrap().oid);
            let attribute = |relation: u32, name: &str| {
                let mut columns = rows.columns.iter();
                let column = columns.find(|one| one.relation == relation && one.name == name);
                column.unwrap().attribute
            };
            let key = (attribute(orgs, "id"), attribute(users, "org_id"));
            rows.references.push(ReferenceRow {
                referenced: orgs,
                referencing: users,
                on_delete: 'a',
                on_update: 'c',
                columns: vec![key],
                deletes_moved: false,
            });
            let at_users = "BEGIN IF NEW.email > 'm' THEN NEW.name := 'x'; END IF; RETURN NEW; END";
            add_trigger(&mut rows, orgs, (900_000, at_orgs), 19);
            add_trigger(&mut rows, users, (900_001, at_users), 19);
            let catalog = Catalog::from_rows(rows);
            let analysis = analyze(text, &catalog);
            let mut used = analysis.columns.iter();
            used.any(|one| catalog.column(one.column).unwrap().name == "email")
        };
        let nothing = "BEGIN RETURN NEW; END";
        assert!(!reads("UPDATE orgs SET name = 'x'", nothing));
        for (text, at_orgs) in [
            ("UPDATE orgs SET id = 2", nothing),
            ("UPDATE orgs SET (name, id) = ('x', 2)", nothing),
            (
                "UPDATE orgs SET name = 'x'",
                "BEGIN NEW.id := 2; RETURN NEW; END",
            ),
            (
                "UPDATE orgs SET name = 'x'",
                "BEGIN PERFORM 1; RETURN NEW; END",
            ),
            (
                "INSERT INTO orgs (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2",
                nothing,
            ),
            (
                "MERGE INTO orgs o USING users u ON u.id = o.id WHEN MATCHED THEN UPDATE SET name = 'x'",
                nothing,
            ),
        ] {
            assert!(reads(text, at_orgs), "{text}");
        }
    });
}
