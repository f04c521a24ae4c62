//! Types that nobody names and whose values come to be all the same: of parameters, and of literals beside
//! columns.

use super::{LOOKED_AT, Walk};
use crate::analysis::OpaqueReason;
use crate::catalog::{Catalog, FIRST_OWN_OID, Relation, Type, TypeKind};
use crate::functions;
use crate::parse::{NodeEnum, inner, pg};

/// The type json.
pub(super) const JSON: u32 = 114;

/// The type text.
pub(super) const TEXT: u32 = 25;

/// Types are not followed deeper.
const DEEPEST: usize = 8;

/// What code may run that nobody has reviewed where parameters are of the types of these numbers: some
/// of it, by name.
pub fn unreviewed(types: &[u32], catalog: &Catalog) -> Option<String> {
    let mut walk = Walk::new(catalog);
    let mut own = types.iter().filter(|oid| **oid >= FIRST_OWN_OID).peekable();
    own.peek()?;
    for oid in own {
        match catalog.type_of_value(*oid) {
            Some(found) => walk.data_type(found, 0),
            None => walk.opaque(OpaqueReason::UnknownFunction, "a type that is not known"),
        }
    }
    walk.all_own_casts();
    let found = walk.found.opaque.list.into_iter().next();
    found.map(|one| one.detail)
}

impl<'a> Walk<'a> {
    /// A value of a type that is not PostgreSQL's own may be cast to any that its text names.
    pub(super) fn all_own_casts(&mut self) {
        for cast in self.catalog.casts() {
            // That of a range to a multirange comes with it.
            let target = self.catalog.data_type(cast.target);
            let is_made =
                target.is_some_and(|one| one.kind == TypeKind::Range && one.base == cast.source);
            let own = cast.source >= FIRST_OWN_OID && !is_made;
            if own && !functions::is_reviewed(&cast.extension) {
                self.opaque(OpaqueReason::UnknownFunction, &cast.function);
            }
        }
    }

    /// Parameters of types that are named.
    pub(super) fn parameters(&mut self, types: &[pg::Node]) {
        let before = std::mem::take(&mut self.own_types);
        for name in types {
            if let Some(NodeEnum::TypeName(name)) = inner(name) {
                self.type_name(name);
            }
        }
        if self.own_types {
            self.all_own_casts();
        }
        self.own_types |= before;
    }

    /// What makes JSON or text of any value casts those that have a cast to it.
    pub(super) fn casts_of_any_to(&mut self, target: u32) {
        for cast in self.catalog.casts_to(target) {
            if cast.source >= FIRST_OWN_OID && !functions::is_reviewed(&cast.extension) {
                self.own_casts.push(&cast.function);
            }
        }
    }

    /// A literal beside a column of an array, a range or a row is read as one, by the checks of the domains
    /// within. (One beside a column of a domain is not: it is of the domain's own base.)
    pub(super) fn checks_of_columns(&mut self, relation: &'a Relation) {
        for column in &relation.columns {
            if column.type_oid < FIRST_OWN_OID {
                continue;
            }
            let Some(found) = self.catalog.column_type(column) else {
                continue;
            };
            let is_itself = found.oid == column.type_oid;
            match found.kind {
                TypeKind::Domain if is_itself => self.checks_of_base(found, 0),
                _ => self.checks_within(found, 0),
            }
        }
    }

    /// A literal beside an array of values of a domain is read as one, too.
    pub(super) fn checks_of_elements(&mut self) {
        let relations = self.found.relations.list.iter();
        let known: Vec<_> = relations.filter_map(|one| one.oid).collect();
        for relation in known
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid))
        {
            if !self.spend(1 + relation.columns.len() / LOOKED_AT) {
                return;
            }
            for column in &relation.columns {
                if let Some(found) = self.catalog.data_type(column.type_oid) {
                    self.checks_within(found, 0);
                }
            }
        }
    }

    /// What takes a row of no type that is named may make values of any domain.
    pub(super) fn checks_of_all(&mut self) {
        for domain in self.catalog.domains() {
            self.code(&domain.code, &domain.name, 0);
        }
    }

    fn checks_of_base(&mut self, domain: &'a Type, depth: usize) {
        match self.catalog.data_type(domain.base) {
            Some(base) if base.kind == TypeKind::Domain && depth < DEEPEST => {
                self.checks_of_base(base, depth + 1);
            }
            Some(base) => self.checks_within(base, depth + 1),
            None => {}
        }
    }

    fn checks_within(&mut self, found: &'a Type, depth: usize) {
        if !self.spend(1) {
            return;
        }
        if depth > DEEPEST {
            return self.opaque(OpaqueReason::Unsupported, &found.name);
        }
        let of_this = (found.oid, self.statement);
        if found.oid >= FIRST_OWN_OID && !self.checked_within.insert(of_this) {
            return;
        }
        match found.kind {
            TypeKind::Base | TypeKind::Enum | TypeKind::Pseudo => {}
            TypeKind::Domain | TypeKind::Range => {
                self.code(&found.code, &found.name, depth);
                if let Some(base) = self.catalog.data_type(found.base) {
                    self.checks_within(base, depth + 1);
                }
            }
            TypeKind::Composite => {
                let Some(relation) = self.catalog.relation(found.relation) else {
                    return;
                };
                for column in &relation.columns {
                    if let Some(within) = self.catalog.column_type(column) {
                        self.checks_within(within, depth + 1);
                    }
                }
            }
        }
    }
}
