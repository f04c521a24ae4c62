//! The queries whose answers make a catalog. They read PostgreSQL 13 to 18.

use super::RowSet;

/// Run this before the queries, so that definitions of views name their relations with schemas.
pub const PRELUDE: &str = "SET search_path = pg_catalog";

/// A part of what the queries read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What PostgreSQL brings with it. It stays as it is while the server runs.
    System,
    /// The rest.
    Own,
}

/// The queries that read a part, each with the row set that its rows are pushed to. All values are
/// text.
pub fn queries(part: Part) -> Vec<(RowSet, String)> {
    let (sets, numbers): (&[_], _) = match part {
        Part::System => (&SYSTEM, "< 16384"),
        Part::Own => (&OWN, ">= 16384"),
    };
    sets.iter()
        .map(|(set, query)| (*set, with_bounds(&query.replace(PART, numbers))))
        .collect()
}

/// A query with what stands for expressions as PostgreSQL keeps them: `{short x}` for its text, if it is
/// not too long, and `{long x}` for whether it is. Anyone who makes a temporary table may have a check of
/// hundreds of megabytes, which would keep everybody from the catalog.
fn with_bounds(query: &str) -> String {
    let mut parts = query.split("{short ");
    let mut bounded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (kept, rest) = part.split_once('}').unwrap_or((part, ""));
        bounded += &format!("CASE WHEN NOT {{long {kept}}} THEN {kept}::text END{rest}");
    }
    let mut parts = bounded.split("{long ");
    let mut query = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (kept, rest) = part.split_once('}').unwrap_or((part, ""));
        query += &format!("COALESCE(pg_catalog.pg_column_size({kept}) > {MOST_KEPT}, false){rest}");
    }
    query
}

const SYSTEM: [(RowSet, &str); 5] = [
    (RowSet::Relations, RELATIONS),
    (RowSet::Columns, COLUMNS),
    (RowSet::Numbers, NUMBERS),
    (RowSet::Types, TYPES),
    (RowSet::Keys, KEYS),
];

const OWN: [(RowSet, &str); 16] = [
    (RowSet::Relations, RELATIONS),
    (RowSet::Columns, COLUMNS),
    (RowSet::Vanishing, VANISHING),
    (RowSet::Inherits, INHERITS),
    (RowSet::Functions, FUNCTIONS),
    (RowSet::Types, TYPES),
    (RowSet::Operators, OPERATORS),
    (RowSet::Casts, CASTS),
    (RowSet::Keys, KEYS),
    (RowSet::References, REFERENCES),
    (RowSet::Watchers, WATCHERS),
    (RowSet::Classes, CLASSES),
    (RowSet::Folded, FOLDED),
    (RowSet::Triggers, TRIGGERS),
    (RowSet::Made, MADE),
    // Last, as it takes locks that last as long as the reading.
    (RowSet::Views, VIEWS),
];

/// Expressions of more bytes than these, as they are stored, are not read.
const MOST_KEPT: usize = 16_384;

/// Stands for the condition on an OID that selects the part.
const PART: &str = "{part}";

/// Where rows are written, the checks of domains run like those of the relation: also those within
/// arrays, ranges and composites. A policy that uses a whole row depends on what columns it names
/// besides, and nothing says on which rows: then on all of each relation. One that only asks whether
/// another relation has rows depends on none of its columns. What is known of each relation is put
/// together for all at once: there may be thousands.
const RELATIONS: &str = "\
WITH RECURSIVE part AS MATERIALIZED (
    SELECT t.oid AS whole, t.typelem AS type FROM pg_catalog.pg_type t WHERE t.typelem >= 16384
    UNION ALL
    SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.typbasetype >= 16384
    UNION ALL
    SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngsubtype >= 16384
    UNION ALL
    SELECT c.reltype, a.atttypid
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.atttypid >= 16384 AND a.attnum > 0 AND c.reltype <> 0
), checked AS (
    SELECT k.oid AS object, k.contypid AS type
    FROM pg_catalog.pg_constraint k WHERE k.contypid >= 16384
    UNION
    SELECT checked.object, part.whole FROM checked JOIN part ON part.type = checked.type
), parts (keyed, relation) AS (
    SELECT p.partrelid, p.partrelid
    FROM pg_catalog.pg_partitioned_table p
    WHERE p.partexprs IS NOT NULL
       OR EXISTS (SELECT FROM pg_catalog.unnest(p.partclass) AS c WHERE c >= 16384)
    UNION
    SELECT parts.keyed, i.inhrelid
    FROM parts JOIN pg_catalog.pg_inherits i ON i.inhparent = parts.relation
), made AS MATERIALIZED (
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass AS class, a.oid AS object, a.adrelid AS relation,
           true AS compares
    FROM pg_catalog.pg_attrdef a
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, k.conrelid, true
    FROM pg_catalog.pg_constraint k WHERE k.contype IN ('c', 'x')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, i.indrelid, false
    FROM pg_catalog.pg_index i
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, checked.object, a.attrelid, false
    FROM checked JOIN pg_catalog.pg_attribute a ON a.atttypid = checked.type
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, parts.keyed, parts.relation, true
    FROM parts
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, y.oid, y.polrelid, false
    FROM pg_catalog.pg_policy y
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, s.stxrelid, false
    FROM pg_catalog.pg_statistic_ext s
), supported (class, function) AS (
    SELECT k.oid, p.amproc::pg_catalog.oid
    FROM pg_catalog.pg_opclass k JOIN pg_catalog.pg_amproc p ON p.amprocfamily = k.opcfamily
    UNION
    SELECT k.oid, o.oprcode::pg_catalog.oid
    FROM pg_catalog.pg_opclass k
    JOIN pg_catalog.pg_amop a ON a.amopfamily = k.opcfamily
    JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr
), called AS MATERIALIZED (
    SELECT made.class, made.relation, COALESCE(o.oprcode::pg_catalog.oid, d.refobjid) AS function
    FROM made
    JOIN pg_catalog.pg_depend d ON d.classid = made.class AND d.objid = made.object
    LEFT JOIN pg_catalog.pg_operator o
           ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    WHERE d.refobjid >= 16384
      AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                           'pg_catalog.pg_operator'::pg_catalog.regclass)
    UNION ALL
    SELECT made.class, made.relation, supported.function
    FROM made
    JOIN pg_catalog.pg_depend d ON d.classid = made.class AND d.objid = made.object
    JOIN supported ON supported.class = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
      AND supported.function >= 16384
    UNION ALL
    -- A generated column depends on what it calls itself up to PostgreSQL 14.
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, g.attrelid, COALESCE(o.oprcode::pg_catalog.oid, d.refobjid)
    FROM pg_catalog.pg_attribute g
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objid = g.attrelid AND d.objsubid = g.attnum
    LEFT JOIN pg_catalog.pg_operator o
           ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    WHERE g.attgenerated <> '' AND d.refobjid >= 16384
      AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                           'pg_catalog.pg_operator'::pg_catalog.regclass)
    UNION ALL
    SELECT 'pg_catalog.pg_range'::pg_catalog.regclass, a.attrelid, r.rngsubdiff::pg_catalog.oid
    FROM pg_catalog.pg_range r
    JOIN pg_catalog.pg_attribute a ON a.atttypid = r.rngtypid AND a.attnum > 0
    WHERE r.rngsubdiff::pg_catalog.oid >= 16384
), calls AS MATERIALIZED (
    SELECT called.relation, called.class = 'pg_catalog.pg_policy'::pg_catalog.regclass AS by_policy,
           pg_catalog.string_agg(DISTINCT called.function::text, ',') AS functions
    FROM called GROUP BY 1, 2
), secured AS MATERIALIZED (
    SELECT y.relation,
           pg_catalog.string_agg(DISTINCT d.refobjid::text || ' ' || (CASE WHEN y.whole THEN 0
               WHEN d.refobjsubid > 0 THEN d.refobjsubid ELSE -1 END)::text, ',') AS columns
    FROM (SELECT y.oid, y.polrelid AS relation,
                 pg_catalog.concat({short y.polqual}, {short y.polwithcheck}) LIKE '%:varattno 0 %' AS whole
          FROM pg_catalog.pg_policy y) y
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = y.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND (d.refobjsubid > 0 OR y.whole OR d.refobjid <> y.relation)
    GROUP BY y.relation
), several (relation, columns) AS (
    SELECT made.relation, pg_catalog.string_agg(DISTINCT d.refobjsubid::text, ' ')
    FROM made
    JOIN pg_catalog.pg_depend d
      ON d.classid = made.class AND d.objid = made.object
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.refobjid = made.relation AND d.refobjsubid > 0
    WHERE made.compares
    GROUP BY made.relation, made.class, made.object
    HAVING pg_catalog.count(DISTINCT d.refobjsubid) > 1
    UNION ALL
    -- Columns in the expressions of a partition key depend on their table.
    SELECT p.partrelid, pg_catalog.string_agg(DISTINCT d.objsubid::text, ' ')
    FROM pg_catalog.pg_partitioned_table p
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objid = p.partrelid AND d.objsubid > 0 AND d.refobjid = p.partrelid
    WHERE p.partexprs IS NOT NULL
    GROUP BY p.partrelid
    UNION ALL
    -- So does a generated column up to PostgreSQL 14.
    SELECT g.attrelid, d.objsubid::text || ' '
           || pg_catalog.string_agg(DISTINCT d.refobjsubid::text, ' ')
    FROM pg_catalog.pg_attribute g
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objid = g.attrelid AND d.objsubid = g.attnum
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.refobjid = g.attrelid AND d.refobjsubid > 0
    WHERE g.attgenerated <> ''
    GROUP BY g.attrelid, d.objsubid
    UNION ALL
    -- What an index computes of several columns may fail by what they are together.
    SELECT i.indrelid, pg_catalog.string_agg(DISTINCT part.attribute[1], ' ')
    FROM pg_catalog.pg_index i,
         LATERAL (VALUES ({short i.indexprs}), ({short i.indpred})) tree (nodes),
         LATERAL pg_catalog.regexp_matches(
             tree.nodes, ':varattno ([1-9][0-9]*)', 'g') part (attribute)
    GROUP BY i.indrelid, i.indexrelid, tree.nodes
    HAVING pg_catalog.count(DISTINCT part.attribute[1]) > 1
    UNION ALL
    -- A whole row is all of its columns.
    SELECT a.attrelid, pg_catalog.string_agg(a.attnum::text, ' ')
    FROM (SELECT i.indrelid FROM pg_catalog.pg_index i
          WHERE pg_catalog.concat({short i.indexprs}, {short i.indpred}) LIKE '%:varattno 0 %'
          UNION
          SELECT k.conrelid FROM pg_catalog.pg_constraint k
          WHERE {short k.conbin} LIKE '%:varattno 0 %') whole (relation)
    JOIN pg_catalog.pg_attribute a
      ON a.attrelid = whole.relation AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
    UNION ALL
    SELECT p.partrelid,
           pg_catalog.array_to_string(
               pg_catalog.array_remove(p.partattrs::pg_catalog.int2[], 0::pg_catalog.int2), ' ')
    FROM pg_catalog.pg_partitioned_table p
    WHERE p.partnatts > 1
), compared AS MATERIALIZED (
    SELECT several.relation,
           pg_catalog.string_agg(several.columns, ',' ORDER BY several.columns) AS columns
    FROM several GROUP BY several.relation
)
SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text,
       (EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                WHERE r.ev_class = c.oid AND r.ev_type <> '1'))::text,
       COALESCE(written.functions, ''),
       CASE WHEN c.relrowsecurity THEN COALESCE(policy.functions, '') ELSE '' END,
       CASE WHEN c.relrowsecurity THEN COALESCE(secured.columns, '') ELSE '' END,
       COALESCE(compared.columns, '')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN calls written ON written.relation = c.oid AND NOT written.by_policy
LEFT JOIN calls policy ON policy.relation = c.oid AND policy.by_policy
LEFT JOIN secured ON secured.relation = c.oid
LEFT JOIN compared ON compared.relation = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
  AND n.nspname <> 'pg_toast' AND c.oid {part}
ORDER BY c.oid";

/// The triggers that run what is not PostgreSQL's own or have a condition. That of PostgreSQL's own that is
/// named tells of every column that is written whether it changes. Those of partitions count as internal
/// up to PostgreSQL 14, and nothing says what their conditions depend on: that of the trigger that they are
/// clones of does. A condition over a whole row looks at attribute 0. What it compares between OLD and NEW alone
/// comes last.
const TRIGGERS: &str = "\
WITH RECURSIVE cloned (trigger, root) AS (
    SELECT t.oid, t.oid FROM pg_catalog.pg_trigger t WHERE t.tgparentid = 0
    UNION ALL
    SELECT t.oid, cloned.root
    FROM cloned JOIN pg_catalog.pg_trigger t ON t.tgparentid = cloned.trigger
), distinction (pattern) AS (
    VALUES ('\\{DISTINCTEXPR [^{}]*:args \\('
            '(?:\\{RELABELTYPE :arg )?\\{VAR :varno [12] :varattno (0|[1-9][0-9]*) [^{}]*\\}(?: :resulttype [^{}]*\\})? '
            '(?:\\{RELABELTYPE :arg )?\\{VAR :varno [12] :varattno \\1 [^{}]*\\}(?: :resulttype [^{}]*\\})?\\)')
)
SELECT t.oid::text, t.tgrelid::text, t.tgfoid::pg_catalog.oid::text, t.tgtype::text,
       pg_catalog.array_to_string(t.tgattr::pg_catalog.int2[], ','),
       COALESCE((SELECT pg_catalog.string_agg(DISTINCT COALESCE(o.oprcode::pg_catalog.oid, d.refobjid)::text, ',')
                 FROM pg_catalog.pg_depend d
                 LEFT JOIN pg_catalog.pg_operator o
                        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
                 WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = cloned.root
                   AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                                        'pg_catalog.pg_operator'::pg_catalog.regclass)
                   AND d.refobjid >= 16384 AND d.refobjid <> t.tgfoid::pg_catalog.oid), ''),
       COALESCE((SELECT pg_catalog.string_agg(DISTINCT part.attribute[1], ',')
                 FROM pg_catalog.regexp_matches(
                     pg_catalog.regexp_replace({short t.tgqual}, distinction.pattern, '', 'g'),
                     ':varattno (0|[1-9][0-9]*) ', 'g') part (attribute)), ''),
       COALESCE((SELECT pg_catalog.string_agg(DISTINCT part.attribute[1], ',')
                 FROM pg_catalog.regexp_matches(
                     {short t.tgqual}, distinction.pattern, 'g') part (attribute)), '')
FROM pg_catalog.pg_trigger t
JOIN cloned ON cloned.trigger = t.oid
CROSS JOIN distinction
WHERE t.tgrelid {part}
  AND (t.tgfoid >= 16384 OR t.tgqual IS NOT NULL
       OR t.tgfoid = 'pg_catalog.suppress_redundant_updates_trigger'::pg_catalog.regproc)
ORDER BY t.oid";

/// What expressions call of PostgreSQL's own functions, which nothing depends on, and the types that they
/// make values of: those of relations (w), of policies (p), of conditions of triggers (c) and of types (t).
/// The check of a domain depends on that. Of the conditions of clones of triggers, those that they are clones of
/// say what they depend on. They are read as PostgreSQL keeps them: it would print them under locks.
const MADE: &str = "\
WITH RECURSIVE parts (keyed, relation) AS (
    SELECT p.partrelid, p.partrelid
    FROM pg_catalog.pg_partitioned_table p WHERE p.partexprs IS NOT NULL
    UNION
    SELECT parts.keyed, i.inhrelid
    FROM parts JOIN pg_catalog.pg_inherits i ON i.inhparent = parts.relation
), cloned (trigger, root) AS (
    SELECT t.oid, t.oid FROM pg_catalog.pg_trigger t WHERE t.tgparentid = 0
    UNION ALL
    SELECT t.oid, cloned.root
    FROM cloned JOIN pg_catalog.pg_trigger t ON t.tgparentid = cloned.trigger
), kept (owner, part, class, object, nodes, is_long) AS MATERIALIZED (
    SELECT a.adrelid, 'w', 'pg_catalog.pg_attrdef'::pg_catalog.regclass, a.oid, {short a.adbin}, {long a.adbin}
    FROM pg_catalog.pg_attrdef a
    UNION ALL
    SELECT CASE WHEN k.contypid = 0 THEN k.conrelid ELSE k.contypid END,
           CASE WHEN k.contypid = 0 THEN 'w' ELSE 't' END,
           'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, {short k.conbin}, {long k.conbin}
    FROM pg_catalog.pg_constraint k WHERE k.conbin IS NOT NULL
    UNION ALL
    SELECT i.indrelid, 'w', 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid,
           pg_catalog.concat({short i.indexprs}, {short i.indpred}), {long i.indexprs} OR {long i.indpred}
    FROM pg_catalog.pg_index i WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    UNION ALL
    SELECT parts.relation, 'w', 'pg_catalog.pg_class'::pg_catalog.regclass, parts.keyed, {short p.partexprs},
           {long p.partexprs}
    FROM parts JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = parts.keyed
    UNION ALL
    SELECT s.stxrelid, 'w', 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid,
           CASE WHEN NOT {long s.*} THEN pg_catalog.to_jsonb(s) ->> 'stxexprs' END, {long s.*}
    FROM pg_catalog.pg_statistic_ext s
    UNION ALL
    SELECT y.polrelid, 'p', 'pg_catalog.pg_policy'::pg_catalog.regclass, y.oid,
           pg_catalog.concat({short y.polqual}, {short y.polwithcheck}),
           {long y.polqual} OR {long y.polwithcheck}
    FROM pg_catalog.pg_policy y JOIN pg_catalog.pg_class c ON c.oid = y.polrelid
    WHERE c.relrowsecurity
    UNION ALL
    SELECT t.oid, 'c', 'pg_catalog.pg_trigger'::pg_catalog.regclass, cloned.root, {short t.tgqual},
           {long t.tgqual}
    FROM pg_catalog.pg_trigger t JOIN cloned ON cloned.trigger = t.oid WHERE t.tgqual IS NOT NULL
    UNION ALL
    SELECT t.oid, 't', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, {short t.typdefaultbin},
           {long t.typdefaultbin}
    FROM pg_catalog.pg_type t WHERE t.typdefaultbin IS NOT NULL
), made (owner, part, function, type, name) AS (
    SELECT kept.owner, kept.part, 0::pg_catalog.oid, 0::pg_catalog.oid, 'an expression that is too long to be read'
    FROM kept WHERE kept.is_long
    UNION
    SELECT kept.owner, kept.part, called.number[1]::pg_catalog.oid, 0::pg_catalog.oid, ''
    FROM kept, LATERAL pg_catalog.regexp_matches(
        kept.nodes, ':(?:func|aggfno|winfno)id ([0-9]{1,5}) ', 'g') called (number)
    UNION
    SELECT kept.owner, kept.part, 0::pg_catalog.oid, given.number[1]::pg_catalog.oid, ''
    FROM kept, LATERAL pg_catalog.regexp_matches(kept.nodes, ':typid ([0-9]{5,}) ', 'g') given (number)
    WHERE kept.nodes LIKE '%{JSON%'
    UNION
    SELECT kept.owner, kept.part, 0::pg_catalog.oid, d.refobjid, ''
    FROM kept JOIN pg_catalog.pg_depend d ON d.classid = kept.class AND d.objid = kept.object
    WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid >= 16384
      AND d.refobjid <> kept.owner
    UNION
    -- A generated column depends on them itself up to PostgreSQL 14.
    SELECT g.attrelid, 'w', 0::pg_catalog.oid, d.refobjid, ''
    FROM pg_catalog.pg_attribute g
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objid = g.attrelid AND d.objsubid = g.attnum
    WHERE g.attgenerated <> '' AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
      AND d.refobjid >= 16384
)
SELECT made.owner::text, made.part, COALESCE(p.proname::text, made.name), COALESCE(element.oid, made.type)::text
FROM made
LEFT JOIN pg_catalog.pg_proc p ON p.oid = made.function
LEFT JOIN pg_catalog.pg_type many ON many.oid = made.type
LEFT JOIN pg_catalog.pg_type element ON element.oid = many.typelem AND element.typarray = many.oid
WHERE made.owner {part} AND made.function < 16384
ORDER BY made.owner, made.part, made.function, made.type";

/// What depends on temporary objects of a session, in whatever way, goes with it or loses columns: of
/// types, of collations, of expressions of generated columns. A view goes with its rule.
const VANISHING: &str = "\
WITH RECURSIVE temporary AS MATERIALIZED (
    SELECT n.oid AS home FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^pg_temp_'
), objects AS MATERIALIZED (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS class, c.oid AS object,
           c.relnamespace AS home FROM pg_catalog.pg_class c
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typnamespace FROM pg_catalog.pg_type t
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.pronamespace FROM pg_catalog.pg_proc p
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprnamespace
    FROM pg_catalog.pg_operator o
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, l.oid, l.collnamespace
    FROM pg_catalog.pg_collation l
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, g.oid, g.cfgnamespace
    FROM pg_catalog.pg_ts_config g
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, i.oid, i.dictnamespace
    FROM pg_catalog.pg_ts_dict i
), depends (class, object, on_class, on_object) AS (
    SELECT CASE WHEN r.oid IS NULL AND a.oid IS NULL THEN d.classid
                ELSE 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid END,
           COALESCE(r.ev_class, a.adrelid, d.objid), d.refclassid, d.refobjid
    FROM pg_catalog.pg_depend d
    LEFT JOIN pg_catalog.pg_rewrite r
           ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
    LEFT JOIN pg_catalog.pg_attrdef a
           ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid
    WHERE d.deptype IN ('n', 'a', 'i')
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, c.reltype,
           'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_class c WHERE c.reltype <> 0
), gone (class, object, home) AS (
    SELECT objects.class, objects.object, objects.home FROM objects JOIN temporary USING (home)
    UNION
    SELECT depends.class, depends.object, gone.home
    FROM gone JOIN depends ON depends.on_class = gone.class AND depends.on_object = gone.object
)
SELECT DISTINCT c.oid::text
FROM gone JOIN pg_catalog.pg_class c ON c.oid = gone.object
WHERE gone.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relnamespace <> gone.home
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.oid {part}
ORDER BY 1";

/// A generated column depends on its sources itself up to PostgreSQL 14, through its default since.
const COLUMNS: &str = "\
SELECT a.attrelid::text, a.attnum::text, a.attname::text, a.atttypid::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       (a.attgenerated <> '')::text,
       (a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL)::text,
       CASE WHEN a.attgenerated = '' THEN '' ELSE COALESCE((
           SELECT pg_catalog.string_agg(DISTINCT d.refobjsubid::text, ',')
           FROM pg_catalog.pg_depend d
           WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
             AND d.refobjid = a.attrelid AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
             AND ((d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                   AND d.objid = a.attrelid AND d.objsubid = a.attnum)
               OR (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                   AND d.objid = (SELECT ad.oid FROM pg_catalog.pg_attrdef ad
                                  WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum)))), '') END,
       a.attnotnull::text
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid {part}
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
  AND n.nspname <> 'pg_toast'
ORDER BY a.attrelid, a.attnum";

/// A view is printed under locks on what it reads. Where a transaction holds one of these for
/// itself, or waits for it, the view is left unprinted rather than waited for: it is opaque meanwhile. So are
/// the temporary views of a session that are long together: to print them may take PostgreSQL minutes.
const VIEWS: &str = "\
WITH long AS MATERIALIZED (
    SELECT t.relnamespace AS namespace
    FROM pg_catalog.pg_class t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid
    WHERE t.relpersistence = 't'
    GROUP BY t.relnamespace
    HAVING pg_catalog.sum(pg_catalog.pg_column_size(r.ev_action)) > 65536
), locked AS MATERIALIZED (
    SELECT l.relation FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_database d ON d.oid = l.database
    WHERE l.mode = 'AccessExclusiveLock' AND d.datname = pg_catalog.current_database()
), read (view, relations, is_locked, rules) AS MATERIALIZED (
    SELECT r.ev_class, pg_catalog.string_agg(DISTINCT d.refobjid::text, ','),
           pg_catalog.bool_or(d.refobjid IN (SELECT locked.relation FROM locked)),
           pg_catalog.string_agg(DISTINCT r.oid::text || '.' || r.xmin::text, ' ')
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    GROUP BY r.ev_class
)
SELECT c.oid::text,
       CASE WHEN read.is_locked OR c.relnamespace IN (SELECT long.namespace FROM long) THEN ''
            ELSE pg_catalog.pg_get_viewdef(c.oid) END,
       COALESCE(read.relations, ''), COALESCE(read.rules, '')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN read ON read.view = c.oid
WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.oid";

const INHERITS: &str = "\
SELECT i.inhrelid::text, i.inhparent::text
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
WHERE c.relkind IN ('r', 'p', 'f')
ORDER BY i.inhrelid, i.inhparent";

/// A body is read where it could be clean: not those of extensions, of other languages and of
/// functions that give sets or run with rights or settings of their own, but for a search path, as names in
/// bodies mean whatever has them. A body that the server
/// keeps parsed is printed under locks on the relations that it reads, so where it reads one it is
/// left out. What is no UTF-8 in the database may be none at all.
const FUNCTIONS: &str = "\
WITH parsed AS MATERIALIZED (
    SELECT DISTINCT d.objid AS function FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), body AS MATERIALIZED (
    SELECT p.oid AS function, p.prosrc AS source,
           CASE WHEN l.lanname = 'sql' AND p.prosrc = ''
                 AND p.oid NOT IN (SELECT parsed.function FROM parsed)
                THEN pg_catalog.pg_get_functiondef(p.oid) END AS definition,
           pg_catalog.pg_get_expr(p.proargdefaults, 0) AS defaults,
           pg_catalog.array_to_string(p.proargnames, pg_catalog.chr(10), '') AS names,
           (SELECT pg_catalog.string_agg(DISTINCT CASE WHEN t.typcategory = 'A' AND t.typtype = 'b'
                                                       THEN t.typelem ELSE t.oid END::text, ',')
            FROM pg_catalog.pg_type t
            WHERE t.oid = ANY (COALESCE(p.proallargtypes, p.proargtypes::pg_catalog.oid[])
                               || p.prorettype)) AS types
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.oid {part} AND l.lanname IN ('sql', 'plpgsql') AND p.prokind = 'f'
      AND NOT p.prosecdef AND NOT p.proretset AND p.protrftypes IS NULL
      AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS setting
                      WHERE setting NOT LIKE 'search\\_path=%')
      AND p.prosupport = 0 AND pg_catalog.octet_length(p.prosrc) < 16384
      AND (pg_catalog.getdatabaseencoding() = 'UTF8' OR p.prosrc !~ '[^\\x01-\\x7F]')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                        AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT p.oid::text, n.nspname::text, p.proname::text, l.lanname::text, p.prokind::text,
       COALESCE(e.extname::text, ''), COALESCE(body.source, ''), COALESCE(body.definition, ''),
       COALESCE(body.defaults, ''), COALESCE(body.names, ''), COALESCE(body.types, '')
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN body ON body.function = p.oid
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
     AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE p.oid {part}
ORDER BY p.oid";

/// Those of large objects: libpq and other drivers call them, and no others, by the message.
const NUMBERS: &str = "\
SELECT p.oid::text, p.proname::text
FROM pg_catalog.pg_proc p
WHERE p.oid {part} AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
  AND (p.proname LIKE 'lo\\_%' OR p.proname IN ('loread', 'lowrite'))
ORDER BY p.oid";

/// Arrays are left out: they are known by their elements. So is what is over an array. A domain
/// depends on what its default calls, as on the functions that read and print it.
const TYPES: &str = "\
WITH part AS MATERIALIZED (
    SELECT t.*, CASE t.typtype
           WHEN 'd' THEN t.typbasetype
           WHEN 'r' THEN (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
           WHEN 'm' THEN (SELECT d.refobjid FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                            AND d.objid = t.oid AND d.deptype = 'i'
                            AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
                          LIMIT 1)
           END AS base
    FROM pg_catalog.pg_type t WHERE t.oid {part}
), made AS MATERIALIZED (
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass AS class, k.oid AS object,
           k.contypid AS type
    FROM pg_catalog.pg_constraint k WHERE k.contypid <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.oid
    FROM pg_catalog.pg_type t
    WHERE (t.typtype = 'd' AND t.typdefaultbin IS NOT NULL) OR t.typtype = 'r'
), called AS MATERIALIZED (
    SELECT made.type, COALESCE(o.oprcode::pg_catalog.oid, d.refobjid) AS function
    FROM made
    JOIN pg_catalog.pg_type t ON t.oid = made.type
    JOIN pg_catalog.pg_depend d ON d.classid = made.class AND d.objid = made.object
    LEFT JOIN pg_catalog.pg_operator o
           ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    WHERE d.refobjid >= 16384
      AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                           'pg_catalog.pg_operator'::pg_catalog.regclass)
      AND (made.class <> 'pg_catalog.pg_type'::pg_catalog.regclass
           OR d.refclassid <> 'pg_catalog.pg_proc'::pg_catalog.regclass
           OR d.refobjid NOT IN (t.typoutput::pg_catalog.oid, t.typsend::pg_catalog.oid,
                                 t.typanalyze::pg_catalog.oid))
)
SELECT t.oid::text, n.nspname::text, t.typname::text, t.typtype::text,
       COALESCE(element.oid, t.base, 0)::text, t.typrelid::text, COALESCE(e.extname::text, ''),
       COALESCE((SELECT pg_catalog.string_agg(DISTINCT called.function::text, ',')
                 FROM called WHERE called.type = t.oid), ''),
       COALESCE((SELECT pg_catalog.string_agg(l.enumlabel, E'\\x1F' ORDER BY l.enumsortorder)
                 FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid), '')
FROM part t
LEFT JOIN pg_catalog.pg_type element ON element.typarray = t.base AND element.typarray <> 0
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
     AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE n.nspname <> 'pg_toast'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type of WHERE of.typarray = t.oid)
ORDER BY t.oid";

const OPERATORS: &str = "\
SELECT n.nspname::text, o.oprname::text, COALESCE(e.extname::text, '')
FROM pg_catalog.pg_operator o
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass
     AND d.objid = o.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE o.oid {part}
ORDER BY o.oid";

const CASTS: &str = "\
SELECT k.castsource::text, COALESCE(element.oid, k.casttarget)::text, k.castcontext::text,
       p.proname::text, COALESCE(e.extname::text, '')
FROM pg_catalog.pg_cast k
JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc
LEFT JOIN pg_catalog.pg_type element ON element.typarray = k.casttarget AND element.typarray <> 0
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
     AND d.objid = k.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE p.oid >= 16384
ORDER BY k.oid";

/// Up to PostgreSQL 14 a row that an update moves to another partition is deleted for those that refer to it.
const REFERENCES: &str = "\
SELECT k.confrelid::text, k.conrelid::text, k.confdeltype::text, k.confupdtype::text,
       (SELECT pg_catalog.string_agg(to_key::text || ' ' || of_key::text, ',')
        FROM ROWS FROM (pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conkey)) AS pair (to_key, of_key)),
       ((c.relkind = 'p' OR c.relispartition)
        AND pg_catalog.current_setting('server_version_num')::integer < 150000)::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
WHERE k.contype = 'f' AND k.confrelid {part}
ORDER BY k.oid";

const WATCHERS: &str = "\
SELECT e.evtfoid::text FROM pg_catalog.pg_event_trigger e
WHERE e.evtenabled <> 'D' AND e.evtevent <> 'login'
ORDER BY e.oid";

/// Whoever reads a relation has PostgreSQL compute what is constant in these. Statistics of expressions
/// came with version 14. One that is too long counts as a call of a function that nobody knows.
const FOLDED: &str = "\
WITH kept (relation, tree, is_long) AS (
    SELECT i.indrelid, pg_catalog.concat({short i.indpred}, {short i.indexprs}),
           {long i.indpred} OR {long i.indexprs}
    FROM pg_catalog.pg_index i
    UNION ALL
    SELECT k.conrelid, {short k.conbin}, {long k.conbin}
    FROM pg_catalog.pg_constraint k WHERE k.contype = 'c'
    UNION ALL
    SELECT p.partrelid, {short p.partexprs}, {long p.partexprs} FROM pg_catalog.pg_partitioned_table p
    UNION ALL
    SELECT s.stxrelid, CASE WHEN NOT {long s.*} THEN pg_catalog.to_jsonb(s) ->> 'stxexprs' END, {long s.*}
    FROM pg_catalog.pg_statistic_ext s
), called (relation, tree) AS (
    SELECT kept.relation, CASE WHEN kept.is_long THEN '{FUNCEXPR :funcid 4294967295}' ELSE kept.tree END
    FROM kept
)
SELECT called.relation::text, called.tree FROM called
WHERE called.relation {part} AND called.tree ~ ':(op)?funcid [0-9][0-9][0-9][0-9][0-9]'
ORDER BY called.relation, called.tree";

/// PostgreSQL calls the functions of operator classes wherever it compares. Those of extensions are theirs.
const CLASSES: &str = "\
SELECT c.opcname::text FROM pg_catalog.pg_opclass c
WHERE c.oid >= 16384 AND c.opcdefault
  AND (EXISTS (SELECT FROM pg_catalog.pg_amproc p
               WHERE p.amprocfamily = c.opcfamily AND p.amproc::pg_catalog.oid >= 16384)
       OR EXISTS (SELECT FROM pg_catalog.pg_amop a
                  JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr
                  WHERE a.amopfamily = c.opcfamily AND o.oprcode::pg_catalog.oid >= 16384))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.oid";

/// Where there are heirs, or it is checked at the end of a transaction, a primary key may be there twice.
/// Where there may be heirs, the planner groups by what it determines, too.
const KEYS: &str = "\
SELECT i.indrelid::text,
       pg_catalog.array_to_string((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1], ','),
       (i.indisprimary AND i.indimmediate
        AND (c.relkind = 'p' OR NOT c.relhassubclass))::text
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indrelid {part}
ORDER BY i.indexrelid";
