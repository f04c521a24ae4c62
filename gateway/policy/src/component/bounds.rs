//! What no compiler of policies makes, and what would take the compiler of modules minutes and gigabytes: it
//! keeps each local of a function for each of its blocks.

use wasmparser::{FunctionBody, Operator, Parser, Payload, Validator, WasmFeatures};

use crate::error::{LoadError, Step};

/// Locals times blocks of one function. Of the largest modules there are, those in Python, none has more
/// than 140,000.
const MOST_OF_FUNCTION: u64 = 4_000_000;
/// The same of all functions of a module together.
const MOST_OF_MODULE: u64 = 8 * MOST_OF_FUNCTION;
/// Bytes of a function; those modules have one of 427,000.
const MOST_BYTES: u64 = 4 << 20;

/// Blocks within blocks.
const DEEPEST: u32 = 4_000;

/// Refuses a module, or a component with its modules, that would take too long to compile, or is nested so
/// deeply that its compiler would not bear it.
pub(super) fn check(module: &[u8]) -> Result<(), LoadError> {
    // What is nested is counted here before anybody follows it.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(module).map_err(broken)?;
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
    let (mut blocks, mut depth, mut deepest) = (0u64, 0u32, 0u32);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                blocks += 1;
                depth += 1;
                deepest = deepest.max(depth);
            }
            Operator::End => depth = depth.saturating_sub(1),
            Operator::Else | Operator::BrIf { .. } | Operator::BrTable { .. } => blocks += 1,
            _ => {}
        }
    }
    if deepest > DEEPEST {
        return Ok(u64::MAX);
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
    fn types_within_types_without_end_are_refused() {
        let mut kind = vec![0x42, 0];
        for _ in 0..5_000 {
            kind.splice(0..0, [0x42, 1, 1]);
        }
        let length = kind.len() + 1;
        let mut component = b"\0asm\x0d\0\x01\0\x07".to_vec();
        let length = [
            length & 0x7f | 0x80,
            length >> 7 & 0x7f | 0x80,
            length >> 14,
        ];
        component.extend(length.map(|byte| u8::try_from(byte).unwrap()));
        component.push(1);
        component.extend(kind);
        let refused = check(&component).unwrap_err().to_string();
        assert!(refused.contains("nesting"), "{refused}");
    }

    #[test]
    fn what_would_take_minutes_to_compile_is_refused_at_once() {
        check(&module(200, 2_000, 3)).unwrap();
        let refused = |module: &[u8]| check(module).unwrap_err().to_string();
        assert!(refused(&module(3_000, 3_000, 1)).contains("function at byte"));
        assert!(refused(&module(1_000, 1_500, 11)).contains("together"));
        assert!(refused(b"\0asm\x01\0\0\0\x0a\x01").contains("compile"));
        let nested = |depth: usize| {
            let (open, shut) = ("loop ".repeat(depth), "end ".repeat(depth));
            wat::parse_str(format!("(module (func {open} {shut}))")).unwrap()
        };
        check(&nested(1_000)).unwrap();
        assert!(refused(&nested(5_000)).contains("function at byte"));
    }
}
