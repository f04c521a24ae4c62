//! Columns that say nothing by groups or order, as a key of their table stands beside them.

use sluice_sql::analysis::Use;
use sluice_sql::analyze;

use crate::support::{catalog, on_big_stack};

/// The columns of which a text uses the order.
fn ordered(text: &str) -> Vec<(u32, i16)> {
    let analysis = analyze(text, &catalog());
    assert!(analysis.opaque.is_empty(), "{text}: {:?}", analysis.opaque);
    let columns = analysis.columns.iter();
    let ordered = columns.filter(|one| one.used == Use::Ordered);
    ordered
        .map(|one| (one.column.relation, one.column.attribute))
        .collect()
}

const USERS: u32 = 16413;
const EMAIL: (u32, i16) = (USERS, 3);
const PASSWORD: (u32, i16) = (USERS, 4);

#[test]
fn what_a_key_determines_tells_nothing() {
    on_big_stack(|| {
        for text in [
            "SELECT id, email, count(*) FROM users GROUP BY id, email",
            "SELECT u.id, u.email, count(*) FROM users u JOIN orders o ON o.user_id = u.id \
             GROUP BY u.id, u.email",
            "SELECT u.email, u.id, count(*) FROM users u LEFT JOIN orders o ON o.user_id = u.id \
             GROUP BY 2, 1",
            "SELECT users.id, email, count(*) FROM users JOIN orders o ON o.user_id = users.id \
             GROUP BY users.id, email",
            "SELECT id, email FROM users ORDER BY id DESC, email",
            "SELECT * FROM users ORDER BY id, email",
            "SELECT id AS key, email AS mail FROM users ORDER BY 1, 2",
            "SELECT row_number() OVER (ORDER BY id, email) FROM users",
            "SELECT u.id, u.email FROM users u(email, name, id) GROUP BY u.email, u.id",
            "SELECT q.n FROM (SELECT id, email, count(*) AS n FROM users GROUP BY id, email) q",
        ] {
            assert!(!ordered(text).contains(&EMAIL), "{text}");
        }
    });
}

#[test]
fn what_no_key_determines_is_ordered() {
    on_big_stack(|| {
        for text in [
            "SELECT email, count(*) FROM users GROUP BY email",
            "SELECT name, email, count(*) FROM users GROUP BY name, email",
            "SELECT id, email, count(*) FROM users GROUP BY email, id",
            "SELECT count(*) OVER (PARTITION BY id, email) FROM users",
            "SELECT count(*) OVER (PARTITION BY email, id) FROM users",
            "SELECT DISTINCT ON (u.id, u.email) u.id, u.email FROM users u",
            "SELECT DISTINCT u.id, u.email FROM users u JOIN orders o ON o.user_id = u.id",
            "SELECT id, email FROM users ORDER BY email, id",
            "SELECT o.id, u.email FROM users u JOIN orders o ON o.user_id = u.id GROUP BY o.id, u.email",
            "SELECT a.id, b.email FROM users a, users b GROUP BY a.id, b.email",
            "SELECT id, email, count(*) FROM users GROUP BY ROLLUP (id, email)",
            "SELECT id, email, count(*) FROM users GROUP BY id, GROUPING SETS ((email), ())",
            "SELECT id, email, count(*) FROM users GROUP BY GROUPING SETS ((id, email), (email))",
            // One of two tables of the same name, or rows that come several times.
            "SELECT q.id, q.email FROM (SELECT a.id, b.email FROM users a, users b) q \
             GROUP BY q.id, q.email",
            "SELECT DISTINCT q.id, q.email FROM (SELECT a.id, b.email FROM users a, users b) q",
            // What the name or the position means is an output.
            "SELECT org_id AS id, email FROM users ORDER BY id, email",
            "SELECT (SELECT id FROM users LIMIT 1) AS id, email FROM users ORDER BY id, email",
            "SELECT (SELECT id FROM users LIMIT 1), email FROM users ORDER BY id, email",
            "SELECT id % 2 AS id, email FROM users ORDER BY id, email",
            "SELECT id % 2, email FROM users ORDER BY 1, 2",
            "SELECT name, email FROM users ORDER BY 1, 2",
            "SELECT name, *, email FROM users ORDER BY 2, 10",
            "SELECT lower(email), id FROM users GROUP BY id, lower(email)",
            "SELECT DISTINCT id, lower(email) FROM users",
            "SELECT DISTINCT org_id, email FROM users",
            "SELECT id, email FROM users UNION SELECT id, email FROM users",
            "SELECT row_number() OVER (PARTITION BY id ORDER BY email) FROM users",
            "SELECT a.id, email FROM users a FULL JOIN (SELECT 1 AS id) b USING (id) \
             ORDER BY id, email",
        ] {
            assert!(ordered(text).contains(&EMAIL), "{text}");
        }
        // Part of a key, and the key itself.
        let part = "SELECT o.id, u.password FROM orders o, users u GROUP BY o.id, u.password";
        assert!(ordered(part).contains(&PASSWORD));
        let line = "SELECT id, user_id FROM orders GROUP BY id, user_id";
        assert!(ordered(line).contains(&(16428, 3)));
        let both = "SELECT id, user_id FROM orders GROUP BY line, id, user_id";
        assert!(!ordered(both).contains(&(16428, 3)));
        assert!(ordered(both).contains(&(16428, 1)));
    });
}
