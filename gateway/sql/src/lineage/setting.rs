//! SET, RESET and `set_config`: which settings change how text is read, who runs it, or what comes
//! back beside the result.

use super::Walk;
use super::call::{plain_constant, text_constant};
use super::command::{Effect, session};
use super::condition::equality_column;
use crate::analysis::{OpaqueReason, Statement};
use crate::parse::{NodeEnum, inner, pg, strings};

/// The setting that decides whether a backslash means something in a string.
const STRINGS: &str = "standard_conforming_strings";

/// Why giving this setting this value cannot be let through; `None` as value is its default.
pub(super) fn danger(name: &str, value: Option<&str>) -> Option<OpaqueReason> {
    let name = name.to_ascii_lowercase();
    // Settings of extensions are named as those that they stand beside.
    let last = name.rsplit('.').next().unwrap_or(&name);
    let value = value.map(|value| value.trim().to_ascii_lowercase());
    let value = value.as_deref();
    let harmless = match name.as_str() {
        // Back to whoever logged in, as DISCARD ALL does.
        "role" | "session_authorization" => value.is_none(),
        STRINGS => {
            matches!(value, Some("on" | "true" | "yes" | "1" | "t" | "y"))
        }
        "backslash_quote" => value.is_none(),
        "client_encoding" | "names" => matches!(value, Some("utf8" | "utf-8" | "unicode")),
        "client_min_messages" => {
            matches!(
                value,
                None | Some("notice" | "warning" | "error" | "log" | "info")
            ) && value != Some("log")
        }
        "row_security" => true,
        "transform_null_equals" => matches!(value, None | Some("off" | "false" | "no" | "0")),
        "session_preload_libraries" | "local_preload_libraries" | "dynamic_library_path" => false,
        "session_replication_role" | "allow_system_table_mods" => false,
        "lo_compat_privileges" | "array_nulls" => value.is_none(),
        // Whoever chooses how rows are found chooses the order in which they come: by any index.
        "effective_cache_size" | "cursor_tuple_fraction" => value.is_none(),
        _ if last.starts_with("enable_") || last.ends_with("_cost") => value.is_none(),
        other => {
            !(other.starts_with("debug_print_")
                || other.starts_with("debug_discard")
                || other.starts_with("log_")
                || other.starts_with("auto_explain.")
                || other.starts_with("trace_")
                || other.starts_with("plpgsql.")
                || other.starts_with("pg_hint_plan.")
                || other.starts_with("plpython")
                || other.starts_with("plperl"))
        }
    };
    (!harmless).then_some(OpaqueReason::SessionState)
}

/// The one row of pg_settings that a SELECT reads.
#[derive(Clone, Debug)]
pub(super) struct OneSetting {
    /// What the row is called in the SELECT.
    item: String,
    /// The setting's name.
    pub(super) value: String,
}

impl OneSetting {
    /// True for the row's column `name`. A path through another item is that item's, even one of a
    /// SELECT outside.
    pub(super) fn is_name(&self, path: &[&str]) -> bool {
        match path {
            ["name"] => true,
            [item, "name"] => *item == self.item,
            _ => false,
        }
    }
}

impl<'a> Walk<'a> {
    /// SET and RESET.
    pub(super) fn set(&mut self, set: &pg::VariableSetStmt) -> Statement {
        use pg::VariableSetKind as Kind;
        let reset = matches!(set.kind(), Kind::VarReset | Kind::VarResetAll);
        match set.kind() {
            // RESET ALL leaves the role alone and gives the rest what the session started with.
            Kind::VarSetMulti | Kind::VarSetCurrent | Kind::VarResetAll => {}
            Kind::VarReset | Kind::VarSetDefault => self.setting(&set.name, None),
            Kind::VarSetValue | Kind::Undefined => {
                let value = match set.args.as_slice() {
                    [one] => text_constant(one),
                    _ => Some(String::new()),
                };
                match value {
                    Some(value) => self.setting(&set.name, Some(&value)),
                    None => self.setting(&set.name, Some("")),
                }
            }
        }
        let of_all = set.kind() == Kind::VarResetAll;
        Statement {
            sets_strings: of_all || set.name.eq_ignore_ascii_case(STRINGS),
            ..session(if reset { "reset" } else { "set" })
        }
    }

    /// The setting that `FROM pg_settings WHERE name = '...'` reads.
    pub(super) fn one_setting(&self, select: &pg::SelectStmt) -> Option<OneSetting> {
        let [from] = select.from_clause.as_slice() else {
            return None;
        };
        let NodeEnum::RangeVar(var) = inner(from)? else {
            return None;
        };
        let alias = var.alias.as_ref();
        if alias.is_some_and(|alias| !alias.colnames.is_empty()) {
            // Its columns have other names here.
            return None;
        }
        let item = alias.map_or(&var.relname, |alias| &alias.aliasname).clone();
        let only = self.catalog.relations_named(&var.schemaname, &var.relname);
        let own = matches!(only.as_slice(), [one] if one.schema == "pg_catalog");
        let NodeEnum::AExpr(equality) = select.where_clause.as_deref().and_then(inner)? else {
            return None;
        };
        let NodeEnum::ColumnRef(column) = equality_column(equality).and_then(inner)? else {
            return None;
        };
        let value = equality.rexpr.as_deref().and_then(plain_constant)?;
        let setting = OneSetting { item, value };
        let is_name = setting.is_name(&strings(&column.fields));
        (own && is_name && var.relname == "pg_settings").then_some(setting)
    }

    fn setting(&mut self, name: &str, value: Option<&str>) {
        if let Some(reason) = danger(name, value) {
            self.opaque(reason, name);
        }
    }

    /// ALTER ROLE or DATABASE ... SET: what sessions to come will start with.
    pub(super) fn standing_setting(&mut self, set: Option<&pg::VariableSetStmt>) -> Effect {
        self.opaque(OpaqueReason::SessionState, set.map_or("", |set| &set.name));
        Effect::Define
    }
}
