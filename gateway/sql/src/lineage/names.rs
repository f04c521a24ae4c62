//! The names that PostgreSQL gives outputs without AS.

use super::statement::leftmost;
use crate::parse::{NodeEnum, inner, pg, string, strings};

/// The name of an output column.
pub(super) fn output_name(node: &pg::Node) -> String {
    match figure(node) {
        Some(Figured::Strong(name) | Figured::Weak(name)) => name,
        None => "?column?".to_owned(),
    }
}

/// Whether the name of an output column is known by its text alone, whatever the version. That of a
/// subquery, or of a field of a row, is the name of another column; EXTRACT and others that are
/// written otherwise than they are called have had several.
pub(super) fn is_certain(node: &pg::Node) -> bool {
    let all = |node: &Option<Box<pg::Node>>| node.as_deref().is_none_or(is_certain);
    match inner(node) {
        Some(NodeEnum::SubLink(link)) => match link.sub_link_type() {
            pg::SubLinkType::ExprSublink => is_certain_subquery(link),
            _ => true,
        },
        Some(NodeEnum::ColumnRef(column)) => {
            column.fields.iter().all(|field| string(field).is_some())
        }
        Some(NodeEnum::AIndirection(indirection)) => {
            let path = &indirection.indirection;
            let is_star = |step| matches!(inner(step), Some(NodeEnum::AStar(_)));
            !path.iter().any(is_star) && (!strings(path).is_empty() || all(&indirection.arg))
        }
        Some(NodeEnum::FuncCall(call)) => !matches!(
            (call.funcformat(), strings(&call.funcname).last().copied()),
            (
                pg::CoercionForm::CoerceSqlSyntax,
                Some("extract" | "system_user")
            )
        ),
        Some(NodeEnum::AConst(constant)) => {
            !matches!(constant.val, Some(pg::a_const::Val::Boolval(_)))
        }
        Some(NodeEnum::TypeCast(cast)) => all(&cast.arg),
        Some(NodeEnum::CollateClause(collate)) => all(&collate.arg),
        Some(NodeEnum::CaseExpr(case)) => all(&case.defresult),
        Some(
            NodeEnum::AExpr(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::BoolExpr(_)
            | NodeEnum::BooleanTest(_)
            | NodeEnum::NullTest(_)
            | NodeEnum::CoalesceExpr(_)
            | NodeEnum::MinMaxExpr(_)
            | NodeEnum::AArrayExpr(_)
            | NodeEnum::RowExpr(_)
            | NodeEnum::GroupingFunc(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::XmlExpr(_)
            | NodeEnum::XmlSerialize(_),
        ) => true,
        _ => false,
    }
}

/// The same of a subquery that stands for a value: it goes by its first column.
fn is_certain_subquery(link: &pg::SubLink) -> bool {
    let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_deref().and_then(inner) else {
        return false;
    };
    let first = leftmost(select);
    match first.target_list.first().and_then(inner) {
        Some(NodeEnum::ResTarget(target)) => {
            !target.name.is_empty() || target.val.as_deref().is_some_and(is_certain)
        }
        Some(_) => false,
        None => !first.values_lists.is_empty(),
    }
}

/// A name and whether a better one may come from elsewhere.
enum Figured {
    Weak(String),
    Strong(String),
}

fn strong(name: &str) -> Option<Figured> {
    Some(Figured::Strong(name.to_owned()))
}

/// PostgreSQL's `FigureColnameInternal`.
fn figure(node: &pg::Node) -> Option<Figured> {
    match inner(node)? {
        NodeEnum::ColumnRef(column) => strings(&column.fields).last().copied().and_then(strong),
        NodeEnum::AIndirection(indirection) => {
            match strings(&indirection.indirection).last().copied() {
                Some(name) => strong(name),
                None => indirection.arg.as_deref().and_then(figure),
            }
        }
        NodeEnum::FuncCall(call) => strings(&call.funcname).last().copied().and_then(strong),
        NodeEnum::AExpr(expression) if expression.kind() == pg::AExprKind::AexprNullif => {
            strong("nullif")
        }
        NodeEnum::TypeCast(cast) => match cast.arg.as_deref().and_then(figure) {
            Some(Figured::Strong(name)) => Some(Figured::Strong(name)),
            weaker => {
                let names = cast.type_name.as_ref().map(|name| strings(&name.names));
                match names.and_then(|names| names.last().map(|name| (*name).to_owned())) {
                    Some(name) => Some(Figured::Weak(name)),
                    None => weaker,
                }
            }
        },
        NodeEnum::CollateClause(collate) => collate.arg.as_deref().and_then(figure),
        NodeEnum::GroupingFunc(_) => strong("grouping"),
        NodeEnum::MergeSupportFunc(_) => strong("merge_action"),
        NodeEnum::SubLink(link) => sublink(link),
        NodeEnum::CaseExpr(case) => match case.defresult.as_deref().and_then(figure) {
            Some(Figured::Strong(name)) => Some(Figured::Strong(name)),
            _ => Some(Figured::Weak("case".to_owned())),
        },
        NodeEnum::AArrayExpr(_) => strong("array"),
        NodeEnum::RowExpr(_) => strong("row"),
        NodeEnum::CoalesceExpr(_) => strong("coalesce"),
        NodeEnum::MinMaxExpr(extreme) => match extreme.op() {
            pg::MinMaxOp::IsLeast => strong("least"),
            pg::MinMaxOp::IsGreatest | pg::MinMaxOp::Undefined => strong("greatest"),
        },
        NodeEnum::SqlvalueFunction(function) => value_function(function),
        NodeEnum::XmlExpr(xml) => xml_name(xml),
        NodeEnum::XmlSerialize(_) => strong("xmlserialize"),
        node => json_name(node),
    }
}

fn sublink(link: &pg::SubLink) -> Option<Figured> {
    match link.sub_link_type() {
        pg::SubLinkType::ExistsSublink => strong("exists"),
        pg::SubLinkType::ArraySublink => strong("array"),
        pg::SubLinkType::ExprSublink => {
            let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_deref().and_then(inner)
            else {
                return None;
            };
            let first = leftmost(select);
            match first.target_list.first().and_then(inner) {
                Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => {
                    strong(&target.name)
                }
                Some(NodeEnum::ResTarget(target)) => {
                    let name = target.val.as_deref().map(output_name);
                    name.map(Figured::Strong)
                }
                _ if !first.values_lists.is_empty() => strong("column1"),
                _ => None,
            }
        }
        pg::SubLinkType::Undefined
        | pg::SubLinkType::AllSublink
        | pg::SubLinkType::AnySublink
        | pg::SubLinkType::RowcompareSublink
        | pg::SubLinkType::MultiexprSublink
        | pg::SubLinkType::CteSublink => None,
    }
}

fn value_function(function: &pg::SqlValueFunction) -> Option<Figured> {
    use pg::SqlValueFunctionOp as Op;
    match function.op() {
        Op::SvfopCurrentDate => strong("current_date"),
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => strong("current_time"),
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => strong("current_timestamp"),
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => strong("localtime"),
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => strong("localtimestamp"),
        Op::SvfopCurrentRole => strong("current_role"),
        Op::SvfopCurrentUser => strong("current_user"),
        Op::SvfopUser => strong("user"),
        Op::SvfopSessionUser => strong("session_user"),
        Op::SvfopCurrentCatalog => strong("current_catalog"),
        Op::SvfopCurrentSchema => strong("current_schema"),
        Op::SqlvalueFunctionOpUndefined => None,
    }
}

fn xml_name(xml: &pg::XmlExpr) -> Option<Figured> {
    match xml.op() {
        pg::XmlExprOp::IsXmlconcat => strong("xmlconcat"),
        pg::XmlExprOp::IsXmlelement => strong("xmlelement"),
        pg::XmlExprOp::IsXmlforest => strong("xmlforest"),
        pg::XmlExprOp::IsXmlparse => strong("xmlparse"),
        pg::XmlExprOp::IsXmlpi => strong("xmlpi"),
        pg::XmlExprOp::IsXmlroot => strong("xmlroot"),
        pg::XmlExprOp::IsXmlserialize => strong("xmlserialize"),
        pg::XmlExprOp::IsDocument | pg::XmlExprOp::Undefined => None,
    }
}

fn json_name(node: &NodeEnum) -> Option<Figured> {
    match node {
        NodeEnum::JsonParseExpr(_) => strong("json"),
        NodeEnum::JsonScalarExpr(_) => strong("json_scalar"),
        NodeEnum::JsonSerializeExpr(_) => strong("json_serialize"),
        NodeEnum::JsonObjectConstructor(_) => strong("json_object"),
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => {
            strong("json_array")
        }
        NodeEnum::JsonObjectAgg(_) => strong("json_objectagg"),
        NodeEnum::JsonArrayAgg(_) => strong("json_arrayagg"),
        NodeEnum::JsonFuncExpr(json) => match json.op() {
            pg::JsonExprOp::JsonExistsOp => strong("json_exists"),
            pg::JsonExprOp::JsonQueryOp => strong("json_query"),
            pg::JsonExprOp::JsonValueOp => strong("json_value"),
            pg::JsonExprOp::JsonTableOp | pg::JsonExprOp::Undefined => None,
        },
        _ => None,
    }
}
