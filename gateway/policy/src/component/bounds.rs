//! What no compiler of policies makes, and what would take the compiler of modules minutes and gigabytes: it
//! keeps each local of a function for each of its blocks.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::error::{LoadError, Step};

/// Locals times blocks of one function. Of the largest modules there are, those in Python, none has more
/// than 140,000.
const MOST_OF_FUNCTION: u64 = 4_000_000;
/// The same of all functions of a module together.
const MOST_OF_MODULE: u64 = 8 * MOST_OF_FUNCTION;
/// Bytes of a function; those modules have one of 427,000.
const MOST_BYTES: u64 = 4 << 20;

/// Refuses a module, or a component with its modules, that would take too long to compile.
pub(super) fn check(module: &[u8]) -> Result<(), LoadError> {
    let mut all = 0u64;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(broken)? {
            let range = body.range();
            let weight = weight(&body).map_err(broken)?;
            all = all.saturating_add(weight);
            if weight > MOST_OF_FUNCTION || range.end - range.start > MOST_BYTES {
                let reason = format!(
                    "its function at byte {} is too large to be compiled; make several of it",
                    range.start
                );
                return Err(LoadError::new(Step::Compile, reason));
            }
        }
    }
    if all > MOST_OF_MODULE {
        let reason = "its functions are too large together to be compiled";
        return Err(LoadError::new(Step::Compile, reason));
    }
    Ok(())
}

fn weight(body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
    let mut locals = 0u64;
    for group in body.get_locals_reader()? {
        let (count, _) = group?;
        locals = locals.saturating_add(u64::from(count));
    }
    let mut blocks = 0u64;
    for operator in body.get_operators_reader()? {
        blocks += u64::from(matches!(
            operator?,
            Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::BrIf { .. }
                | Operator::BrTable { .. }
        ));
    }
    Ok(locals.saturating_mul(blocks))
}

fn broken(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::new(Step::Compile, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::check;

    fn module(locals: usize, blocks: usize, functions: usize) -> Vec<u8> {
        let locals = "i32 ".repeat(locals);
        let blocks = "(block (br_if 0 (i32.const 1)))".repeat(blocks);
        let function = format!("(func (local {locals}) {blocks})");
        wat::parse_str(format!("(module {})", function.repeat(functions))).unwrap()
    }

    #[test]
    fn what_would_take_minutes_to_compile_is_refused_at_once() {
        check(&module(200, 2_000, 3)).unwrap();
        let refused = |module: &[u8]| check(module).unwrap_err().to_string();
        assert!(refused(&module(3_000, 3_000, 1)).contains("function at byte"));
        assert!(refused(&module(1_000, 1_500, 11)).contains("together"));
        assert!(refused(b"\0asm\x01\0\0\0\x0a\x01").contains("compile"));
    }
}
