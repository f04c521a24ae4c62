//! Which columns are protected, and how: what the policies said, joined.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sql::analysis::ColumnId;
use sql::catalog::Catalog;

use crate::mask::Mask;

/// What one policy says about one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The column.
    pub column: ColumnId,
    /// What comes back in its place.
    pub mask: Mask,
    /// What expressions over it, whole rows and copies get.
    pub derived: DerivedRule,
    /// What filters, joins, orders and groups over it get.
    pub filter: FilterRule,
}

/// What an expression over a protected column, its whole row or a copy of it gets, mildest first:
/// what waits for approval may be shown raw in the end, what is NULL never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DerivedRule {
    /// It waits for approval.
    Hold,
    /// NULL in its place; a copy is refused.
    Null,
    /// It is refused.
    Deny,
}

impl DerivedRule {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            DerivedRule::Hold => "hold",
            DerivedRule::Null => "null",
            DerivedRule::Deny => "deny",
        }
    }
}

/// What a filter over a protected column gets, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterRule {
    /// It passes.
    Allow,
    /// Equality with a constant or a parameter passes.
    Equality,
    /// It is refused.
    Deny,
}

impl FilterRule {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            FilterRule::Allow => "allow",
            FilterRule::Equality => "equality",
            FilterRule::Deny => "deny",
        }
    }
}

/// A policy by its place in its set.
pub(crate) type PolicyIndex = usize;

/// What all policies together say about one column. Each part names the policy it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) mask: (Mask, PolicyIndex),
    /// The columns that policies have named: the guarded one, or some of its like. Shared by all that
    /// they guard: of partitions there may be thousands.
    pub(crate) named: Arc<Vec<ColumnId>>,
    /// They were named with one mask, by one policy.
    pub(crate) alike: bool,
    pub(crate) derived: (DerivedRule, PolicyIndex),
    pub(crate) filter: (FilterRule, PolicyIndex),
}

impl Guard {
    pub(crate) fn new(protection: &Protection, policy: PolicyIndex) -> Guard {
        Guard {
            mask: (protection.mask.clone(), policy),
            named: Arc::new(vec![protection.column]),
            alike: true,
            derived: (protection.derived, policy),
            filter: (protection.filter, policy),
        }
    }

    /// Joins what another policy says, or the same one of another column: the stricter of each part wins, the
    /// earlier of equals.
    pub(crate) fn join(&mut self, other: &Guard) {
        let mask = stricter(&self.mask, &other.mask);
        self.alike &= other.alike && self.mask == other.mask;
        if !Arc::ptr_eq(&self.named, &other.named) {
            let new = other.named.iter().filter(|one| !self.named.contains(one));
            let new: Vec<ColumnId> = new.copied().collect();
            Arc::make_mut(&mut self.named).extend(new);
        }
        self.mask = mask;
        if other.derived.0 > self.derived.0 {
            self.derived = other.derived;
        }
        if other.filter.0 > self.filter.0 {
            self.filter = other.filter;
        }
    }
}

/// The stricter of two masks. Where neither shows less than the other, NULL: what two masks show
/// together may be more than either policy wants shown.
pub(crate) fn stricter(a: &(Mask, PolicyIndex), b: &(Mask, PolicyIndex)) -> (Mask, PolicyIndex) {
    match (&a.0, &b.0) {
        (Mask::KeepFirst(m), Mask::KeepFirst(n)) | (Mask::KeepLast(m), Mask::KeepLast(n)) => {
            if n < m { b.clone() } else { a.clone() }
        }
        (Mask::KeepFirst(_) | Mask::Custom(_), Mask::KeepLast(_))
        | (Mask::KeepLast(_) | Mask::Custom(_), Mask::KeepFirst(_))
        | (Mask::KeepFirst(_) | Mask::KeepLast(_), Mask::Custom(_)) => (Mask::Null, a.1),
        (Mask::Custom(_), Mask::Custom(_)) if a != b => (Mask::Null, a.1),
        (Mask::KeyedHash(m), Mask::KeyedHash(n)) if m != n => (Mask::Null, a.1),
        (x, y) if y.strictness() > x.strictness() => b.clone(),
        _ => a.clone(),
    }
}

/// Finds the columns that hold the same values as a protected one, or something made from them.
pub(crate) struct Widening<'a> {
    catalog: &'a Catalog,
    /// What each column of a view is made from; worked out when one is protected.
    bases: OnceCell<HashMap<ColumnId, Vec<ColumnId>>>,
}

impl<'a> Widening<'a> {
    pub(crate) fn over(catalog: &'a Catalog) -> Widening<'a> {
        Widening {
            catalog,
            bases: OnceCell::new(),
        }
    }

    /// Joins what one policy says of columns that are protected alike, and widens each.
    pub(crate) fn groups(&self, guards: impl Iterator<Item = (ColumnId, Guard)>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<ColumnId, usize> = HashMap::new();
        for (column, guard) in guards {
            if let Some(place) = places.get(&column) {
                groups[*place].guard.join(&guard);
                continue;
            }
            places.insert(column, groups.len());
            if self.is_plain(column) {
                // All that are linked by inheritance have the same like.
                let inherited = self.catalog.inherited(column);
                let plain = inherited.filter(|one| self.is_plain(*one));
                places.extend(plain.map(|one| (one, groups.len())));
            }
            let columns = self.of(column);
            groups.push(Group { columns, guard });
        }
        groups
    }

    /// Whether a column is known, and neither of a view nor generated.
    fn is_plain(&self, column: ColumnId) -> bool {
        let relation = self.catalog.relation(column.relation);
        let relation = relation.filter(|relation| !relation.is_view());
        let known = relation.and_then(|relation| relation.column(column.attribute));
        known.is_some_and(|known| !known.generated)
    }

    /// The column and its like. Where a view's column is protected, so is what the view reads: an
    /// analysis speaks of base columns. So is what a generated column is made from. What else went into a
    /// view's column that only holds a protected one stays open. Whoever makes a temporary view names its
    /// columns, and nobody else sees it: that protects nothing.
    pub(crate) fn of(&self, column: ColumnId) -> HashSet<ColumnId> {
        let mut open = vec![column];
        let mut meant = HashSet::new();
        while let Some(column) = open.pop() {
            if !meant.insert(column) {
                continue;
            }
            let relation = self.catalog.relation(column.relation);
            let Some(relation) = relation else { continue };
            let known = relation.column(column.attribute);
            let is_generated = known.is_some_and(|known| known.generated);
            if is_generated || (relation.is_view() && !relation.is_temporary()) {
                let bases = self.bases().get(&column).into_iter().flatten();
                open.extend(bases.filter(|base| !is_generated || base.relation == relation.oid));
            }
        }
        let families = meant.into_iter().map(|column| self.catalog.family(column));
        families.flatten().collect()
    }

    fn bases(&self) -> &HashMap<ColumnId, Vec<ColumnId>> {
        self.bases.get_or_init(|| {
            let mut bases: HashMap<ColumnId, Vec<ColumnId>> = HashMap::new();
            for base in self.catalog.columns() {
                for made in self.catalog.dependents(base.id) {
                    bases.entry(*made).or_default().push(base.id);
                }
            }
            bases
        })
    }
}

/// Columns, and what a policy says of all of them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) columns: HashSet<ColumnId>,
    pub(crate) guard: Guard,
}

/// All protections in force for a request, joined and widened to related columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protections {
    columns: HashMap<ColumnId, Guard>,
    relations: HashSet<u32>,
    trust: Vec<Trust>,
}

/// What one policy with protections in force lets pass although its effect cannot be known.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    pub(crate) policy: PolicyIndex,
    pub(crate) names: Arc<HashSet<String>>,
}

impl Protections {
    /// Adds one protection of one policy for one column.
    pub(crate) fn add(&mut self, column: ColumnId, guard: &Guard) {
        self.relations.insert(column.relation);
        self.columns
            .entry(column)
            .and_modify(|known| known.join(guard))
            .or_insert_with(|| guard.clone());
    }

    /// Says what a policy that has protections in force trusts. Once a policy.
    pub(crate) fn trust(&mut self, policy: PolicyIndex, names: &Arc<HashSet<String>>) {
        if !self.trust.iter().any(|trust| trust.policy == policy) {
            self.trust.push(Trust {
                policy,
                names: Arc::clone(names),
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Every protected column, in no particular order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnId> {
        self.columns.keys().copied()
    }

    /// What protects the column.
    pub(crate) fn of(&self, column: ColumnId) -> Option<&Guard> {
        self.columns.get(&column)
    }

    /// True where the relation has protected columns.
    pub(crate) fn reaches(&self, relation: u32) -> bool {
        self.relations.contains(&relation)
    }

    /// The first policy with protections in force that does not trust the name; `None` where all
    /// of them do.
    pub(crate) fn distrusts(&self, name: Option<&str>) -> Option<PolicyIndex> {
        let trusts = |trust: &Trust| name.is_some_and(|name| trust.names.contains(name));
        self.trust
            .iter()
            .find(|trust| !trusts(trust))
            .map(|trust| trust.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::{DerivedRule, FilterRule, Guard, Protection, Widening, stricter};
    use crate::fixture::{ADDRESSES, EMAIL, NICKNAME, USERS_OLD, catalog};
    use crate::mask::{Mask, Rule};
    use sql::analysis::ColumnId;

    fn custom(rule: u32) -> Mask {
        Mask::Custom(Rule::Number(rule))
    }

    fn join(a: Mask, b: Mask) -> Mask {
        let forward = stricter(&(a.clone(), 0), &(b.clone(), 1)).0;
        let backward = stricter(&(b, 0), &(a, 1)).0;
        assert_eq!(forward, backward, "the order of policies does not matter");
        forward
    }

    #[test]
    fn the_stricter_mask_wins_whatever_the_order() {
        let hash = || Mask::KeyedHash("k".to_owned());
        assert_eq!(join(Mask::Null, custom(0)), Mask::Null);
        assert_eq!(
            join(Mask::Fixed("x".into()), hash()),
            Mask::Fixed("x".into())
        );
        assert_eq!(join(hash(), Mask::KeepLast(4)), hash());
        assert_eq!(
            join(Mask::KeepLast(4), Mask::KeepLast(2)),
            Mask::KeepLast(2)
        );
    }

    #[test]
    fn masks_that_show_different_parts_become_null() {
        assert_eq!(join(Mask::KeepFirst(4), Mask::KeepLast(4)), Mask::Null);
        assert_eq!(join(Mask::KeepFirst(1), custom(0)), Mask::Null);
        assert_eq!(join(Mask::KeepLast(1), custom(0)), Mask::Null);
        assert_eq!(
            join(Mask::KeyedHash("a".into()), Mask::KeyedHash("b".into())),
            Mask::Null
        );
        assert_eq!(join(custom(0), custom(0)), Mask::Null, "of two policies");
        let one = (custom(0), 0);
        assert_eq!(stricter(&one, &(custom(1), 0)).0, Mask::Null);
        assert_eq!(stricter(&one, &one), one);
    }

    #[test]
    fn protecting_a_views_column_protects_what_it_reads_and_all_that_hold_the_same() {
        let catalog = catalog();
        let view = ColumnId {
            relation: ADDRESSES,
            attribute: 1,
        };
        let label = ColumnId {
            relation: ADDRESSES,
            attribute: 2,
        };
        let old = ColumnId {
            relation: USERS_OLD,
            attribute: 2,
        };
        for column in [view, EMAIL, old] {
            let widened = Widening::over(&catalog).of(column);
            let expected = [view, label, EMAIL, old].into_iter().collect();
            assert_eq!(widened, expected, "from {column:?}");
        }
        let widened = Widening::over(&catalog).of(label);
        assert!([EMAIL, NICKNAME].iter().all(|base| widened.contains(base)));
    }

    #[test]
    fn what_is_inherited_is_widened_once() {
        let catalog = catalog();
        let column = |relation| ColumnId {
            relation,
            attribute: 2,
        };
        let view = ColumnId {
            relation: ADDRESSES,
            attribute: 1,
        };
        let named = [EMAIL, column(USERS_OLD), view, NICKNAME];
        let guards = named.map(|column| {
            let protection = Protection {
                column,
                mask: Mask::KeepLast(4),
                derived: DerivedRule::Deny,
                filter: FilterRule::Deny,
            };
            (column, Guard::new(&protection, 0))
        });
        let widening = Widening::over(&catalog);
        let groups = widening.groups(guards.into_iter());
        let said = |place: usize| groups[place].guard.named.to_vec();
        assert_eq!(groups.len(), 3);
        assert_eq!(said(0), [EMAIL, column(USERS_OLD)]);
        for (group, one) in groups.iter().zip([EMAIL, view, NICKNAME]) {
            assert_eq!(group.columns, Widening::over(&catalog).of(one));
        }
    }

    #[test]
    fn each_part_of_a_guard_is_the_strictest_of_any_policy() {
        let column = ColumnId {
            relation: 1,
            attribute: 1,
        };
        let guard = |mask, derived, filter, policy| {
            Guard::new(
                &Protection {
                    column,
                    mask,
                    derived,
                    filter,
                },
                policy,
            )
        };
        let mut joined = guard(Mask::Null, DerivedRule::Null, FilterRule::Equality, 0);
        let other = guard(Mask::KeepLast(4), DerivedRule::Deny, FilterRule::Allow, 1);
        joined.join(&other);
        assert_eq!(joined.mask, (Mask::Null, 0));
        assert_eq!(joined.derived, (DerivedRule::Deny, 1));
        assert_eq!(joined.filter, (FilterRule::Equality, 0));
    }
}
