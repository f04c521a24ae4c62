//! What lineage asks a catalog.

use std::collections::HashSet;

use super::{
    Cast, Catalog, Column, Fields, Function, ReferenceRow, Relation, RelationKind, Type, TypeKind,
};
use crate::analysis::{Access, ColumnId, Reach, Source};

/// Catalogs and views that have [telling columns](Catalog::telling_columns), with these.
const TELLING: &[(&[&str], &[&str])] = &[
    (&["pg_attribute"], &["attmissingval"]),
    (&["pg_stat_activity"], &["query"]),
    (
        &[
            "pg_stat_all_tables",
            "pg_stat_sys_tables",
            "pg_stat_user_tables",
            "pg_stat_xact_all_tables",
            "pg_stat_xact_sys_tables",
            "pg_stat_xact_user_tables",
        ],
        &["n_tup_hot_upd", "n_tup_newpage_upd"],
    ),
    (
        &[
            "pg_stat_xact_all_tables",
            "pg_stat_xact_sys_tables",
            "pg_stat_xact_user_tables",
        ],
        &["seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch"],
    ),
    (
        &[
            "pg_statio_all_indexes",
            "pg_statio_sys_indexes",
            "pg_statio_user_indexes",
            "pg_statio_all_tables",
            "pg_statio_sys_tables",
            "pg_statio_user_tables",
        ],
        &[
            "idx_blks_read",
            "idx_blks_hit",
            "toast_blks_read",
            "toast_blks_hit",
            "tidx_blks_read",
            "tidx_blks_hit",
        ],
    ),
    (
        &["pg_stat_wal"],
        &[
            "wal_records",
            "wal_fpi",
            "wal_bytes",
            "wal_buffers_full",
            "wal_write",
            "wal_sync",
            "wal_write_time",
            "wal_sync_time",
        ],
    ),
    (
        &["pg_stat_io"],
        &["writes", "write_bytes", "extends", "extend_bytes", "fsyncs"],
    ),
    (
        &["pg_replication_slots"],
        &["restart_lsn", "confirmed_flush_lsn", "safe_wal_size"],
    ),
    (
        &["pg_stat_replication"],
        &["sent_lsn", "write_lsn", "flush_lsn", "replay_lsn"],
    ),
    (&["pg_replication_origin_status"], &["local_lsn"]),
    (&["pg_stat_progress_basebackup"], &["backup_streamed"]),
    (
        &["pg_stat_progress_copy"],
        &["bytes_processed", "bytes_total", "tuples_excluded"],
    ),
    (&["pg_locks"], &["page", "tuple"]),
    (
        &["pg_stat_archiver"],
        &[
            "archived_count",
            "last_archived_wal",
            "last_archived_time",
            "failed_count",
            "last_failed_wal",
            "last_failed_time",
        ],
    ),
    (
        &["pg_stat_replication_slots"],
        &[
            "spill_txns",
            "spill_count",
            "spill_bytes",
            "stream_txns",
            "stream_count",
            "stream_bytes",
            "total_bytes",
        ],
    ),
    (&["pg_stat_checkpointer"], &["num_requested"]),
    (
        &["pg_stat_bgwriter"],
        &["checkpoints_req", "buffers_alloc", "buffers_backend"],
    ),
    (&["pg_stat_database"], &["temp_files", "temp_bytes"]),
];

/// Catalogs and views whose rows hold data of other relations, other sessions or secrets.
const DATA_CATALOGS: &[&str] = &[
    "pg_aios",
    "pg_authid",
    "pg_backend_memory_contexts",
    "pg_cursors",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_largeobject",
    "pg_prepared_statements",
    "pg_shadow",
    "pg_shmem_allocations",
    "pg_stat_statements",
    "pg_stat_subscription",
    "pg_stat_wal_receiver",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_user_mapping",
    "pg_user_mappings",
    "user_mapping_options",
];

impl Catalog {
    /// The relations that a name may mean: with a schema, that one; without, all of that name.
    pub(crate) fn relations_named(&self, schema: &str, name: &str) -> Vec<&Relation> {
        let found = self.layers().flat_map(|layer| {
            let named = layer.relation_names.get(name).into_iter().flatten();
            let numbered = layer.sequences_numbered(name);
            named
                .chain(numbered)
                .filter_map(|oid| layer.relations.get(oid))
        });
        found
            .filter(|relation| schema_matches(schema, &relation.schema))
            .collect()
    }

    /// Columns of PostgreSQL's own that tell of values in any other: what rows have that are older than a
    /// column, how many updates changed no indexed value, how many keys were looked up for a check,
    /// how much of a row an update left as it was, how long values are that are copied or sorted, and where
    /// in an index one was looked for.
    pub fn telling_columns(&self) -> impl Iterator<Item = ColumnId> {
        TELLING.iter().flat_map(|(relations, names)| {
            let relations = relations.iter();
            let relations = relations.flat_map(|name| self.relations_named("pg_catalog", name));
            relations.flat_map(|relation| {
                let columns = relation.columns.iter();
                let telling = columns.filter(|column| names.contains(&column.name.as_str()));
                telling.map(|column| relation.id(column))
            })
        })
    }

    pub(crate) fn is_data_catalog(&self, relation: &Relation) -> bool {
        let system = matches!(
            relation.schema.as_str(),
            "pg_catalog" | "information_schema"
        );
        (system || relation.name.starts_with("pg_stat_statements"))
            && DATA_CATALOGS.contains(&relation.name.as_str())
    }

    /// The functions of this name that are not PostgreSQL's own.
    pub(crate) fn functions_named(
        &self,
        schema: &str,
        name: &str,
    ) -> impl Iterator<Item = &Function> {
        let found = self.root().functions.get(name).into_iter().flatten();
        found.filter(move |function| schema_matches(schema, &function.schema))
    }

    /// The fields of NEW and OLD in a clean function.
    pub(crate) fn fields(&self, function: u32) -> Option<&Fields> {
        let (_, name) = self.function(function)?;
        let mut same = self.root().functions.get(name)?.iter();
        same.find(|one| one.oid == function)?.fields.as_ref()
    }

    /// Whether there is a function of this name that is not PostgreSQL's own.
    pub(crate) fn has_own_function(&self, name: &str) -> bool {
        self.root().functions.contains_key(name)
    }

    /// Whether a schema has functions that are not PostgreSQL's own.
    pub(crate) fn has_functions_in(&self, schema: &str) -> bool {
        let mut own = self.root().functions.values().flatten();
        own.any(|function| function.schema == schema)
    }

    /// Whether there is a function of this name at all, in any schema.
    pub fn has_function(&self, name: &str) -> bool {
        self.has_own_function(name) || crate::functions::effect(name).is_some()
    }

    /// Schema and extension of the operators of this name that are not PostgreSQL's own.
    pub(crate) fn operators_named(&self, schema: &str, name: &str) -> Vec<(String, String)> {
        let found = self.root().operators.get(name).into_iter().flatten();
        let found = found.filter(|operator| schema_matches(schema, &operator.schema));
        found
            .map(|one| (one.schema.clone(), one.extension.clone()))
            .collect()
    }

    /// The types that a name may mean.
    pub(crate) fn types_named(&self, schema: &str, name: &str) -> Vec<&Type> {
        let found = self.layers().flat_map(|layer| {
            let named = layer.type_names.get(name).into_iter().flatten();
            named.filter_map(|oid| layer.types.get(oid))
        });
        found
            .filter(|one| schema_matches(schema, &one.schema))
            .collect()
    }

    pub(crate) fn data_type(&self, oid: u32) -> Option<&Type> {
        self.layers().find_map(|layer| layer.types.get(&oid))
    }

    /// The enumerated type that this is, or that this domain is over, and its labels.
    pub fn enumerated(&self, type_oid: u32) -> Option<(u32, &[String])> {
        let mut found = self.data_type(type_oid)?;
        // Domains may be over domains.
        while found.kind == TypeKind::Domain {
            found = self.data_type(found.base)?;
        }
        (found.kind == TypeKind::Enum).then_some((found.oid, &found.labels))
    }

    /// The type of a column, or of its elements where it is an array.
    pub(crate) fn column_type(&self, column: &Column) -> Option<&Type> {
        self.data_type(column.type_oid)
            .or_else(|| self.element_type(&column.type_name))
    }

    /// The fields of the composite types that a column's values are made of, at any depth.
    pub(super) fn fields_within(&self, column: &Column) -> Vec<ColumnId> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut open = vec![self.column_type(column)];
        while let Some(next) = open.pop() {
            let Some(data_type) = next.filter(|one| seen.insert(one.oid)) else {
                continue;
            };
            open.push(self.data_type(data_type.base));
            let row = self.relation(data_type.relation);
            for field in row.iter().flat_map(|row| &row.columns) {
                found.push(ColumnId {
                    relation: data_type.relation,
                    attribute: field.attribute,
                });
                open.push(self.column_type(field));
            }
        }
        found
    }

    /// How many relations there are.
    pub(crate) fn size(&self) -> usize {
        self.layers().map(|layer| layer.relations.len()).sum()
    }

    /// Whether a relation or a composite type has a column of this name.
    pub(crate) fn has_column(&self, name: &str) -> bool {
        let mut columns = self.relations().flat_map(|relation| &relation.columns);
        columns.any(|column| column.name == name)
    }

    /// The type of a column as `format_type` prints it, where neither it nor that of its elements has
    /// fields.
    pub(crate) fn plain_type(&self, column: ColumnId) -> Option<&str> {
        let relation = self.relation(column.relation)?;
        let mut columns = relation.columns.iter();
        let column = columns.find(|one| one.attribute == column.attribute)?;
        let name = column.type_name.as_str();
        let is_plain = match self.column_type(column) {
            Some(known) => matches!(known.kind, TypeKind::Base | TypeKind::Enum),
            // The rows of PostgreSQL's own catalogs are types, too; of a table that is known by its text
            // the types may not be known.
            None => !name.is_empty() && !name.contains('.') && !name.starts_with("pg_"),
        };
        is_plain.then_some(name)
    }

    /// The type of an array's elements, by the array's name as `format_type` prints it. Types of
    /// PostgreSQL's own are none of these.
    fn element_type(&self, array: &str) -> Option<&Type> {
        let (schema, rest) = printed_name(array.strip_suffix("[]")?)?;
        let (name, rest) = printed_name(rest.strip_prefix('.')?)?;
        if !rest.is_empty() {
            return None;
        }
        let mut found = self.types_named(&schema, &name).into_iter();
        found.find(|one| one.schema == schema)
    }

    /// The foreign keys that refer to a relation.
    fn keys_to(&self, referenced: u32) -> impl Iterator<Item = &ReferenceRow> {
        let keys = self.root().references.get(&referenced);
        keys.into_iter().flatten()
    }

    /// The foreign keys that refer to a relation; where it is known which attributes are set, to these.
    fn keys_to_set<'k>(
        &'k self,
        referenced: u32,
        set: Option<&'k HashSet<i16>>,
    ) -> impl Iterator<Item = &'k ReferenceRow> {
        self.keys_to(referenced).filter(move |key| {
            let is_set = |set: &HashSet<i16>| key.columns.iter().any(|(to, _)| set.contains(to));
            key.columns.is_empty() || set.is_none_or(is_set)
        })
    }

    /// The relations that foreign keys change where rows of another are changed, and how.
    pub(crate) fn cascades<'k>(
        &'k self,
        referenced: u32,
        access: Access,
        set: Option<&'k HashSet<i16>>,
    ) -> impl Iterator<Item = (u32, Access)> + 'k {
        self.keys_to_set(referenced, set).flat_map(move |key| {
            let actions = actions(key, access);
            actions.filter_map(|(action, access)| match (action, access) {
                (_, Access::Truncate) | ('c', _) => Some((key.referencing, access)),
                ('n' | 'd', _) => Some((key.referencing, Access::Update)),
                _ => None,
            })
        })
    }

    /// The columns that foreign keys set to NULL or their default where rows of another are changed.
    pub(crate) fn set_by_keys<'k>(
        &'k self,
        referenced: u32,
        access: Access,
        set: Option<&'k HashSet<i16>>,
    ) -> impl Iterator<Item = ColumnId> + 'k {
        let sets = self
            .keys_to_set(referenced, set)
            .filter(move |key| actions(key, access).any(|(action, _)| matches!(action, 'n' | 'd')));
        sets.flat_map(key_columns)
    }

    /// The columns that foreign keys set where this one gets another value: all of a key at once.
    pub(crate) fn set_with(&self, column: ColumnId) -> impl Iterator<Item = ColumnId> {
        let follows = move |key: &&ReferenceRow| {
            let mut referenced = key.columns.iter();
            key.on_update == 'c' && referenced.any(|&(to, _)| to == column.attribute)
        };
        let keys = self.keys_to(column.relation).filter(follows);
        keys.flat_map(key_columns)
    }

    /// The column of the same name of all that is written with a relation: of children, and of what a
    /// partition is a part of, which has the keys of the partitions.
    pub(crate) fn written_with(&self, column: ColumnId) -> Vec<ColumnId> {
        let Some(name) = self.column(column).map(|column| column.name) else {
            return vec![column];
        };
        let whole = self.ancestors(column.relation).into_iter();
        let whole = whole.filter(|oid| {
            let relation = self.relation(*oid);
            relation.is_some_and(|one| one.kind == RelationKind::Partitioned)
        });
        let others = self.descendants(column.relation).into_iter().chain(whole);
        let same = others.filter_map(|oid| {
            let relation = self.relation(oid)?;
            let column = relation.columns.iter().find(|one| one.name == name)?;
            Some(relation.id(column))
        });
        std::iter::once(column).chain(same).collect()
    }

    /// Whether a column holds values of another as they are and of the same type, and nothing else that is
    /// made of these: one of a view that shows it, that of a child or a parent, or one that refers to it by a
    /// foreign key, also by way of others.
    pub fn holds_same(&self, from: ColumnId, to: ColumnId) -> bool {
        let type_of = |column| self.column(column).map(|column| column.type_oid);
        type_of(from) == type_of(to) && self.ways_to(from, to) == [true]
    }

    /// Whether a column holds something of another by way of views that could be read.
    pub fn is_of(&self, from: ColumnId, to: ColumnId) -> bool {
        !self.ways_to(from, to).is_empty()
    }

    /// In which ways values of a column are in another: as they are, and as part of what is made of them. What
    /// is only feared of views that could not be read is none.
    fn ways_to(&self, from: ColumnId, to: ColumnId) -> Vec<bool> {
        let (mut seen, mut ways) = (HashSet::new(), Vec::new());
        // Back to what views show, and from there on to all that holds it.
        let mut open = vec![(from, true, true)];
        while let Some(place @ (column, back, as_it_is)) = open.pop() {
            if !seen.insert(place) {
                continue;
            }
            if column == to && !ways.contains(&as_it_is) {
                ways.push(as_it_is);
            }
            if back {
                let sources = self.sources(column).iter();
                open.extend(sources.map(|source| {
                    let is_shown = source.how == Reach::Projected;
                    (source.column, true, as_it_is && is_shown)
                }));
                open.extend(self.generated_from(column).map(|base| (base, true, false)));
            }
            let inherited = self.root().inherited.get(&column).into_iter().flatten();
            open.extend(inherited.map(|one| (*one, false, as_it_is)));
            for made in self.dependents(column) {
                let further = self.ways(column, *made).into_iter();
                open.extend(further.map(|is_same| (*made, false, as_it_is && is_same)));
            }
        }
        ways
    }

    /// What a generated column is made from.
    fn generated_from(&self, column: ColumnId) -> impl Iterator<Item = ColumnId> {
        let known = self.relation(column.relation);
        let known = known.and_then(|relation| relation.column(column.attribute));
        let bases = known.map_or(&[][..], |known| &known.made_from);
        bases.iter().map(move |attribute| ColumnId {
            attribute: *attribute,
            ..column
        })
    }

    /// What a view's column is made from.
    fn sources(&self, column: ColumnId) -> &[Source] {
        let relation = self.relation(column.relation);
        let sources = relation.and_then(|relation| {
            let mut columns = relation.columns.iter();
            let place = columns.position(|one| one.attribute == column.attribute)?;
            relation.view.as_ref()?.columns.get(place)
        });
        sources.map_or(&[], Vec::as_slice)
    }

    /// The ways in which a column goes into one that is made from it: whether it is there as it is.
    fn ways(&self, column: ColumnId, made: ColumnId) -> Vec<bool> {
        let sources = self.sources(made).iter();
        let ways: Vec<bool> = sources
            .filter(|source| source.column == column)
            .map(|source| source.how == Reach::Projected)
            .collect();
        match ways.is_empty() {
            true => vec![self.refers(made, column)],
            false => ways,
        }
    }

    /// The relations that refer to others by foreign keys.
    pub(crate) fn referencing(&self) -> HashSet<u32> {
        let keys = self.root().references.values().flatten();
        keys.map(|key| key.referencing).collect()
    }

    fn refers(&self, made: ColumnId, column: ColumnId) -> bool {
        self.keys_to(column.relation).any(|key| {
            let pair = (column.attribute, made.attribute);
            key.referencing == made.relation && key.columns.contains(&pair)
        })
    }

    pub(crate) fn casts_to(&self, target: u32) -> impl Iterator<Item = &Cast> {
        self.root()
            .casts
            .iter()
            .filter(move |cast| cast.target == target)
    }

    /// The functions that are called where a relation is planned for, whatever is asked of it.
    pub(crate) fn folded(&self, relation: u32) -> &[u32] {
        let functions = self.root().folded.get(&relation);
        functions.map_or(&[], Vec::as_slice)
    }

    /// The relations that a relation refers to by foreign keys, and those that refer to it.
    pub(crate) fn beside_by_keys(&self, relation: u32) -> impl Iterator<Item = u32> {
        let references = self.root().references.iter();
        let referred = references.filter_map(move |(referred, keys)| {
            let mut keys = keys.iter();
            keys.any(|key| key.referencing == relation)
                .then_some(*referred)
        });
        referred.chain(self.keys_to(relation).map(|key| key.referencing))
    }

    /// An operator class of the users' own, if there is one.
    pub(crate) fn own_class(&self) -> Option<&str> {
        self.root().class.as_deref()
    }

    pub(crate) fn casts(&self) -> impl Iterator<Item = &Cast> {
        self.root().casts.iter()
    }

    pub(crate) fn domains(&self) -> impl Iterator<Item = &Type> {
        let types = self.layers().flat_map(|layer| layer.types.values());
        types.filter(|one| one.kind == TypeKind::Domain)
    }

    /// A type by its number, or that of the elements where it is an array as some column has it.
    pub(crate) fn type_of_value(&self, oid: u32) -> Option<&Type> {
        self.data_type(oid).or_else(|| {
            let mut columns = self.relations().flat_map(|one| &one.columns);
            let column = columns.find(|column| column.type_oid == oid)?;
            self.column_type(column)
        })
    }

    pub(crate) fn implicit_casts(&self) -> impl Iterator<Item = &Cast> {
        self.root().casts.iter().filter(|cast| cast.implicit)
    }
}

/// What a foreign key does where rows of the other relation are changed, and as what it counts.
fn actions(key: &ReferenceRow, access: Access) -> impl Iterator<Item = (char, Access)> + use<> {
    let deleted = (key.on_delete, Access::Delete);
    let (first, second) = match access {
        Access::Delete => (Some(deleted), None),
        Access::Update => (
            Some((key.on_update, access)),
            Some(deleted).filter(|_| key.deletes_moved),
        ),
        Access::Truncate => (Some((' ', access)), None),
        Access::Read | Access::Insert | Access::Define => (None, None),
    };
    first.into_iter().chain(second)
}

fn key_columns(key: &ReferenceRow) -> impl Iterator<Item = ColumnId> {
    let columns = key.columns.iter();
    columns.map(|&(_, attribute)| ColumnId {
        relation: key.referencing,
        attribute,
    })
}

/// The name that a text begins with, as PostgreSQL prints it, and what comes behind.
fn printed_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return Some((name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// Whether a schema as written may be this one; `pg_temp` is whichever the session has.
fn schema_matches(written: &str, schema: &str) -> bool {
    written.is_empty()
        || written == schema
        || (written == "pg_temp" && schema.starts_with("pg_temp_"))
        || (schema == "pg_temp" && written.starts_with("pg_temp_"))
}
