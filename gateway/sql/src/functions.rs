//! What is known of functions: a reviewed table, and the dangerous ones by reason.

use crate::analysis::OpaqueReason;

/// What calling one of PostgreSQL's own functions means beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Harmless,
    /// It keeps or shows its arguments outside of the result.
    Keeps,
    /// Something that cannot be known.
    Opaque(OpaqueReason),
}

/// The functions of `pg_catalog` in 13 to 18: name, class, group, sorted by name. `.ci/functions`
/// writes it; `groups.tsv` has the reason of each group.
const TABLE: &str = include_str!("functions/functions.tsv");

/// Extensions whose functions, operators, types and casts work on their arguments only.
const REVIEWED_EXTENSIONS: &[&str] = &[
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "seg",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// What calling this function of `pg_catalog` means; none where nothing is known of it.
pub(crate) fn effect(name: &str) -> Option<Effect> {
    Some(match class(name) {
        Some("harmless") => Effect::Harmless,
        Some("keeps") => Effect::Keeps,
        Some("sql-in-text") => Effect::Opaque(OpaqueReason::SqlInText),
        Some("server-file") => Effect::Opaque(OpaqueReason::ServerFile),
        Some("data-catalog") => Effect::Opaque(OpaqueReason::DataCatalog),
        Some("session-state") => Effect::Opaque(OpaqueReason::SessionState),
        Some(_) => Effect::Opaque(OpaqueReason::UnknownFunction),
        None => Effect::Opaque(dangerous(name)?),
    })
}

/// Whether calling this function of `pg_catalog` tells nothing, wherever it is called that nobody sees:
/// numbers that it draws do not.
pub(crate) fn is_harmless_unseen(name: &str) -> bool {
    const DRAWS: [&str; 6] = [
        "nextval",
        "pg_current_xact_id",
        "random",
        "random_normal",
        "setval",
        "txid_current",
    ];
    DRAWS.contains(&name) || effect(name) == Some(Effect::Harmless)
}

/// Whether its argument shows as the time that it takes, and by nothing else.
pub(crate) fn takes_time(name: &str) -> bool {
    matches!(name, "pg_sleep" | "pg_sleep_for" | "pg_sleep_until")
}

/// Why a function of this name, in whatever schema, cannot be known.
pub(crate) fn dangerous(name: &str) -> Option<OpaqueReason> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let sql = [
        "query_to_xml",
        "cursor_to_xml",
        "table_to_xml",
        "schema_to_xml",
        "database_to_xml",
        "ts_stat",
        "ts_rewrite",
        "dblink",
        "crosstab",
        "connectby",
        "xpath_table",
        "pg_logical_slot_",
        "ts_debug_",
    ];
    if starts(&sql) {
        return Some(OpaqueReason::SqlInText);
    }
    let files = ["lo_", "pg_read_", "pg_ls_", "pg_file_", "pg_logdir_ls"];
    if starts(&files)
        || matches!(
            name,
            "loread" | "lowrite" | "pg_stat_file" | "pg_current_logfile"
        )
    {
        return Some(OpaqueReason::ServerFile);
    }
    let data = [
        "pg_stat_get_activity",
        "pg_stat_get_wal_receiver",
        "pg_stat_get_subscription",
        "pg_stat_statements",
        "pg_prepared_",
        "pg_mcv_list_items",
        "pg_show_all_file_settings",
        "pg_hba_file_rules",
        "pg_ident_file_mappings",
        "heap_page_",
        "get_raw_page",
        "tuple_data_split",
        "bt_page_",
        "pg_get_wal_record",
        "pgp_armor_headers",
    ];
    if starts(&data) || matches!(name, "pg_cursor" | "pg_stat_get_backend_activity") {
        return Some(OpaqueReason::DataCatalog);
    }
    matches!(name, "pg_reload_conf").then_some(OpaqueReason::SessionState)
}

/// Whether everything of an extension was reviewed.
pub(crate) fn is_reviewed(extension: &str) -> bool {
    REVIEWED_EXTENSIONS.contains(&extension)
}

/// The functions that information_schema keeps for its own views.
pub(crate) fn is_harmless_in_information_schema(name: &str) -> bool {
    name.starts_with("_pg_")
}

/// Functions whose result has the type of their first argument, rows included.
pub(crate) fn returns_first_argument(name: &str) -> bool {
    matches!(
        name,
        "json_populate_record"
            | "json_populate_recordset"
            | "jsonb_populate_record"
            | "jsonb_populate_recordset"
            | "populate_record"
    )
}

/// Whether a function gives a row for each of several values: how many rows there are is then
/// decided by its arguments.
pub(crate) fn returns_set(name: &str) -> bool {
    SETS.binary_search(&name).is_ok()
}

/// The functions of `pg_catalog`, `information_schema` and the reviewed extensions that return sets
/// and take arguments.
const SETS: &[&str] = &[
    "_pg_expandarray",
    "aclexplode",
    "each",
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "json_populate_recordset",
    "json_to_recordset",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "jsonb_path_query_tz",
    "jsonb_populate_recordset",
    "jsonb_to_recordset",
    "pg_extension_update_paths",
    "pg_options_to_table",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_snapshot_xip",
    "pg_stat_get_progress_info",
    "pg_tablespace_databases",
    "regexp_matches",
    "regexp_split_to_table",
    "skeys",
    "string_to_table",
    "svals",
    "ts_debug",
    "ts_parse",
    "ts_token_type",
    "txid_snapshot_xip",
    "unnest",
];

/// Functions that in FROM give one column under their own name or their alias: in every version, what
/// each of that name gives is of one type of PostgreSQL's own that has no fields.
pub(crate) fn is_scalar(name: &str) -> bool {
    SCALARS.binary_search(&name).is_ok()
}

const SCALARS: &[&str] = &[
    "abs",
    "age",
    "array_length",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "clock_timestamp",
    "concat",
    "concat_ws",
    "current_database",
    "current_schemas",
    "current_setting",
    "date_part",
    "date_trunc",
    "floor",
    "format",
    "gen_random_uuid",
    "generate_series",
    "generate_subscripts",
    "initcap",
    "json_array_length",
    "json_build_array",
    "json_build_object",
    "json_extract_path",
    "json_extract_path_text",
    "json_object_keys",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_object_keys",
    "jsonb_path_exists",
    "jsonb_path_query",
    "jsonb_path_query_array",
    "jsonb_path_query_first",
    "left",
    "length",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_timestamp",
    "md5",
    "mod",
    "now",
    "octet_length",
    "pg_backend_pid",
    "pg_database_size",
    "pg_get_expr",
    "pg_relation_size",
    "pg_size_pretty",
    "pg_table_size",
    "pg_tablespace_databases",
    "pg_total_relation_size",
    "plainto_tsquery",
    "quote_ident",
    "quote_literal",
    "random",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "set_config",
    "split_part",
    "statement_timestamp",
    "string_to_array",
    "string_to_table",
    "strpos",
    "substr",
    "substring",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trunc",
    "ts_rank",
    "version",
    "websearch_to_tsquery",
];

/// Functions whose result is a JSON document.
pub(crate) fn makes_document(name: &str) -> bool {
    matches!(
        name,
        "to_json"
            | "to_jsonb"
            | "row_to_json"
            | "json_build_object"
            | "jsonb_build_object"
            | "json_build_array"
            | "jsonb_build_array"
            | "json_extract_path"
            | "jsonb_extract_path"
    )
}

/// Functions whose result is an array of texts.
pub(crate) fn lists_texts(name: &str) -> bool {
    matches!(
        name,
        "string_to_array" | "regexp_split_to_array" | "regexp_match" | "current_schemas"
    )
}

/// Functions that in FROM give as many rows as their argument holds.
pub(crate) fn lists_rows(name: &str) -> bool {
    matches!(
        name,
        "unnest"
            | "json_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text"
            | "json_each"
            | "json_each_text"
            | "jsonb_each"
            | "jsonb_each_text"
            | "json_to_record"
            | "json_to_recordset"
            | "jsonb_to_record"
            | "jsonb_to_recordset"
            | "json_populate_record"
            | "json_populate_recordset"
            | "jsonb_populate_record"
            | "jsonb_populate_recordset"
            | "regexp_split_to_table"
            | "string_to_table"
    )
}

/// The columns of functions that in FROM give named ones.
pub(crate) fn columns(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text" => &["key", "value"],
        "json_array_elements"
        | "json_array_elements_text"
        | "jsonb_array_elements"
        | "jsonb_array_elements_text" => &["value"],
        "pg_options_to_table" => &["option_name", "option_value"],
        "aclexplode" => &["grantor", "grantee", "privilege_type", "is_grantable"],
        "pg_partition_tree" => &["relid", "parentrelid", "isleaf", "level"],
        "pg_partition_ancestors" => &["relid"],
        "pg_sequence_parameters" => &[
            "start_value",
            "minimum_value",
            "maximum_value",
            "increment",
            "cycle_option",
            "cache_size",
            "data_type",
        ],
        "pg_identify_object" => &["type", "schema", "name", "identity"],
        "ts_parse" => &["tokid", "token"],
        "ts_token_type" => &["tokid", "alias", "description"],
        "pg_available_extensions" => &["name", "default_version", "comment"],
        "pg_timezone_names" => &["name", "abbrev", "utc_offset", "is_dst"],
        "pg_timezone_abbrevs" => &["abbrev", "utc_offset", "is_dst"],
        "_pg_expandarray" => &["x", "n"],
        _ => return None,
    })
}

/// Names of PostgreSQL's own types that a catalog without types still knows.
pub(crate) fn is_builtin_type(schema: &str, name: &str) -> bool {
    if !matches!(schema, "" | "pg_catalog") {
        return false;
    }
    let name = name.strip_prefix('_').unwrap_or(name);
    BUILTIN_TYPES.contains(&name)
}

const BUILTIN_TYPES: &[&str] = &[
    "aclitem",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "daterange",
    "datemultirange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
    "cstring",
    "anyelement",
    "anyarray",
];

/// The class of a function in the table.
fn class(name: &str) -> Option<&'static str> {
    let bytes = TABLE.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let before = bytes[..middle].iter().rposition(|byte| *byte == b'\n');
        let start = before.map_or(0, |place| place + 1);
        let after = bytes[middle..].iter().position(|byte| *byte == b'\n');
        let end = after.map_or(bytes.len(), |place| middle + place);
        let mut fields = TABLE.get(start..end)?.split('\t');
        match fields.next()?.cmp(name) {
            std::cmp::Ordering::Equal => return fields.next(),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::{Effect, SETS, TABLE, class, dangerous, effect};

    fn lines() -> impl Iterator<Item = [&'static str; 3]> {
        TABLE.lines().map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            fields.try_into().expect("name, class, group")
        })
    }

    #[test]
    fn the_lists_are_sorted_and_every_name_is_found() {
        assert!(
            TABLE
                .lines()
                .map(|line| line.split('\t').next())
                .is_sorted()
        );
        assert!(SETS.is_sorted());
        for [name, found, _] in lines() {
            assert_eq!(class(name), Some(found), "{name}");
        }
        for name in ["", "zzz", "uppe", "upper\t", "upper\tharmless", "\n"] {
            assert_eq!(class(name), None, "{name:?}");
        }
    }

    #[test]
    fn every_group_has_one_class_and_a_reason() {
        let mut groups = HashMap::new();
        for line in include_str!("functions/groups.tsv").lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [group, class, _, _, reason] = fields[..] else {
                panic!("{line}");
            };
            assert!(!reason.is_empty(), "{line}");
            let known = *groups.entry(group).or_insert(class);
            assert_eq!(known, class, "{line}");
        }
        let mut used = HashSet::new();
        for [name, class, group] in lines() {
            used.insert(group);
            assert_eq!(groups.get(group), Some(&class), "{name}");
        }
        assert_eq!(used.len(), groups.len(), "a group without functions");
    }

    #[test]
    fn what_is_dangerous_in_any_schema_is_so_in_the_table() {
        for [name, ..] in lines() {
            if let Some(reason) = dangerous(name) {
                assert_eq!(effect(name), Some(Effect::Opaque(reason)), "{name}");
            }
        }
    }
}
