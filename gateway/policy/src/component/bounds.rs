//! What no compiler of policies makes, and what would take the compiler of modules minutes and gigabytes: it
//! keeps each value that lives through a function for each of its blocks.

use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, FunctionBody, Operator, Parser, Payload,
    TypeSectionReader, Validator, WasmFeatures,
};

use crate::error::{LoadError, Step};

/// What the values of one function weigh for all of its blocks. Of the largest modules there are, those in
/// Python, none has one of 300,000.
const MOST_OF_FUNCTION: u64 = 4_000_000;
/// The same of all functions of a module together; that of those is 5,000,000.
const MOST_OF_MODULE: u64 = 8 * MOST_OF_FUNCTION;
/// Functions of a module; those modules have 13,500.
const MOST_FUNCTIONS: u32 = 60_000;
/// Bytes of a function; those modules have one of 427,000.
const MOST_BYTES: u64 = 4 << 20;
/// Values that a block may take and give; few compilers know of more than one.
const MOST_VALUES: u64 = 64;

/// Refuses a module, or a component with its modules, that would take too long to compile, or is nested so
/// deeply that its compiler would not bear it.
pub(super) fn check(module: &[u8]) -> Result<(), LoadError> {
    // What is nested is counted here before anybody follows it.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(module).map_err(broken)?;
    let (mut all, mut many) = (0u64, 0u32);
    let mut modules: Vec<Signatures> = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match (payload.map_err(broken)?, modules.last_mut()) {
            (Payload::Version { .. }, _) => modules.push(Signatures::default()),
            (Payload::End(_), _) => drop(modules.pop()),
            (Payload::TypeSection(types), Some(module)) => module.read(types).map_err(broken)?,
            (Payload::FunctionSection(functions), Some(module)) => {
                many = many.saturating_add(functions.count());
                for function in functions {
                    module.functions.push(function.map_err(broken)?);
                }
            }
            (Payload::CodeSectionEntry(body), Some(module)) => {
                let weight = module.weight(&body).map_err(broken)?;
                let range = body.range();
                all = all.saturating_add(weight);
                if weight > MOST_OF_FUNCTION || range.end - range.start > MOST_BYTES {
                    let place = range.start;
                    return Err(too_large(&format!("its function at byte {place} is")));
                }
            }
            _ => {}
        }
    }
    match all > MOST_OF_MODULE || many > MOST_FUNCTIONS {
        true => Err(too_large("its functions together are")),
        false => Ok(()),
    }
}

/// The types of a module's functions.
#[derive(Default)]
struct Signatures {
    /// Parameters and results, by the number of a type.
    types: Vec<(u64, u64)>,
    /// The types of its own functions.
    functions: Vec<u32>,
    /// How many of their bodies were seen.
    bodies: usize,
}

impl Signatures {
    fn read(&mut self, types: TypeSectionReader<'_>) -> wasmparser::Result<()> {
        for group in types {
            for one in group?.into_types() {
                self.types.push(match one.composite_type.inner {
                    CompositeInnerType::Func(function) => {
                        let (takes, gives) = (function.params().len(), function.results().len());
                        (takes as u64, gives as u64)
                    }
                    _ => (0, 0),
                });
            }
        }
        Ok(())
    }

    fn of(&self, number: u32) -> (u64, u64) {
        let known = self.types.get(number as usize);
        known.copied().unwrap_or_default()
    }

    /// What the next function's values weigh: its parameters and locals, and what its blocks take and give,
    /// for each block, and for each that the block is in.
    fn weight(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
        let function = self.functions.get(self.bodies).copied();
        self.bodies += 1;
        let (mut values, _) = function.map_or((0, 0), |number| self.of(number));
        for group in body.get_locals_reader()? {
            let (count, _) = group?;
            values += u64::from(count);
        }
        let mut weight = 0u64;
        let mut open = Vec::new();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { blockty }
                | Operator::Loop { blockty }
                | Operator::If { blockty } => {
                    let taken = match blockty {
                        BlockType::Empty => 0,
                        BlockType::Type(_) => 1,
                        BlockType::FuncType(number) => {
                            let (takes, gives) = self.of(number);
                            takes + gives
                        }
                    };
                    if taken > MOST_VALUES {
                        return Ok(u64::MAX);
                    }
                    open.push(taken);
                    values += taken;
                    weight = weight.saturating_add(values + open.len() as u64);
                }
                Operator::End => values -= open.pop().unwrap_or_default(),
                Operator::Else | Operator::BrIf { .. } => weight = weight.saturating_add(values),
                Operator::BrTable { targets } => {
                    let targets = u64::from(targets.len());
                    weight = weight.saturating_add(values + 8 * targets);
                }
                _ => {}
            }
        }
        Ok(weight)
    }
}

fn too_large(what: &str) -> LoadError {
    let reason = format!("{what} too large to be compiled; make several of it");
    LoadError::new(Step::Compile, reason)
}

fn broken(error: BinaryReaderError) -> LoadError {
    LoadError::new(Step::Compile, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::check;

    fn module(locals: usize, blocks: usize, functions: usize) -> Vec<u8> {
        let locals = "i32 ".repeat(locals);
        let blocks = "(block (br_if 0 (i32.const 1)))".repeat(blocks / 2);
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
        assert!(refused(&module(1_000, 1_500, 25)).contains("together"));
        assert!(refused(b"\0asm\x01\0\0\0\x0a\x01").contains("compile"));
        let nested = |depth: usize| {
            let (open, shut) = ("loop ".repeat(depth), "end ".repeat(depth));
            wat::parse_str(format!("(module (func {open} {shut}))")).unwrap()
        };
        let many = format!("(param {0}) (result {0})", "i32 ".repeat(500));
        let block = "unreachable block (type $t) unreachable end unreachable";
        let many = format!("(module (type $t (func {many})) (func {block}))");
        assert!(refused(&wat::parse_str(many).unwrap()).contains("function at byte"));
        check(&nested(1_000)).unwrap();
        assert!(refused(&nested(5_000)).contains("function at byte"));
    }
}
