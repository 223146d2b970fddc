//! What refers to what in a linked module: functions, and pieces of data.
//!
//! A linker that was told `--emit-relocs` leaves its notes in the module: the symbols ("linking") and each place where one is
//! named ("reloc.CODE", "reloc.DATA"), as WebAssembly's tool conventions define them
//! (<https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md>).

use std::ops::Range;

use wasmparser::{
    DataKind, KnownCustom, Linking, Parser, Payload, RelocSectionReader, RelocationEntry, RelocationType,
    SymbolInfo,
};

use crate::Error;

/// A function by its index, or a piece of data by its place in [`Links::data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Function(usize),
    Data(usize),
}

/// A symbol of the data sections.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The data segment.
    pub(crate) segment: usize,
    /// Its bytes in there.
    pub(crate) range: Range<usize>,
    /// What it points to.
    pub(crate) targets: Vec<Target>,
}

/// All of a module's references.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// What each function names, imported ones first.
    pub(crate) functions: Vec<Vec<Target>>,
    /// All pieces of data.
    pub(crate) data: Vec<Piece>,
    /// What data outside any symbol points to: nobody can tell whether it is needed.
    pub(crate) loose: Vec<Target>,
}

/// The sections, as far as references are read from them.
#[derive(Default)]
struct Sections<'w> {
    imported: usize,
    /// Where each function's body stands in the file.
    bodies: Vec<Range<usize>>,
    /// Where each segment's bytes stand in the file.
    segments: Vec<Range<usize>>,
    /// Where each section's content begins.
    starts: Vec<usize>,
    /// The number of the section of code, and of data.
    code: Option<usize>,
    bytes: Option<usize>,
    symbols: Vec<Symbol>,
    data: Vec<Piece>,
    relocations: Vec<RelocSectionReader<'w>>,
}

/// A function or data; or what the linker itself puts in, such as a type's number.
type Symbol = Option<Target>;

/// The references of a module; `None` when the linker left no notes.
pub(crate) fn read(wasm: &[u8]) -> Result<Option<Links>, Error> {
    let malformed = |error: wasmparser::BinaryReaderError| Error::Malformed(error.to_string());
    let mut sections = Sections::default();
    for payload in Parser::new(0).parse_all(wasm) {
        sections.take(payload.map_err(malformed)?).map_err(malformed)?;
    }
    if sections.relocations.is_empty() {
        return Ok(None);
    }
    // Without all of them, what is needed would seem not to be.
    let has_notes = |id: usize| sections.relocations.iter().any(|notes| notes.section_index() as usize == id);
    if ![sections.code, sections.bytes].into_iter().flatten().all(has_notes) {
        return Err(Error::Malformed(
            "it has the linker's notes on one section and not on another".to_owned(),
        ));
    }
    let lost = || Error::Malformed("the linker's notes name a symbol that they do not have".to_owned());
    sections.links().map_err(malformed)?.ok_or_else(lost).map(Some)
}

impl<'w> Sections<'w> {
    fn take(&mut self, payload: Payload<'w>) -> wasmparser::Result<()> {
        if let Some((_, range)) = payload.as_section() {
            self.starts.push(range.start);
        }
        let number = self.starts.len().checked_sub(1);
        match payload {
            Payload::CodeSectionStart { .. } => self.code = number,
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let is_function = matches!(import?.ty, wasmparser::TypeRef::Func(_));
                    self.imported = self.imported.saturating_add(usize::from(is_function));
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body.range()),
            Payload::DataSection(segments) => {
                self.bytes = number;
                for segment in segments {
                    let segment = segment?;
                    let is_active = matches!(segment.kind, DataKind::Active { .. });
                    let start = segment.range.end.saturating_sub(segment.data.len());
                    self.segments.push(if is_active { start..segment.range.end } else { 0..0 });
                }
            }
            Payload::CustomSection(custom) => match custom.as_known() {
                KnownCustom::Linking(linking) => {
                    for part in linking.subsections() {
                        if let Linking::SymbolTable(symbols) = part? {
                            symbols
                                .into_iter()
                                .try_for_each(|symbol| symbol.map(|symbol| self.name(&symbol)))?;
                        }
                    }
                }
                KnownCustom::Reloc(relocations) => self.relocations.push(relocations),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn name(&mut self, symbol: &SymbolInfo<'_>) {
        let target = match symbol {
            SymbolInfo::Func { index, .. } => Some(Target::Function(*index as usize)),
            SymbolInfo::Data { symbol: Some(symbol), .. } => {
                let (start, size) = (symbol.offset as usize, symbol.size as usize);
                let range = start..start.saturating_add(size);
                self.data.push(Piece { segment: symbol.index as usize, range, targets: Vec::new() });
                Some(Target::Data(self.data.len().saturating_sub(1)))
            }
            _ => None,
        };
        self.symbols.push(target);
    }

    /// `None` when a symbol is named that is not there.
    fn links(mut self) -> wasmparser::Result<Option<Links>> {
        let mut functions = vec![Vec::new(); self.imported.saturating_add(self.bodies.len())];
        let (mut data, mut loose) = (std::mem::take(&mut self.data), Vec::new());
        for section in &self.relocations {
            let start = self.starts.get(section.section_index() as usize).copied().unwrap_or_default();
            for entry in section.entries() {
                let entry = entry?;
                let Some(symbol) = self.target(&entry) else { return Ok(None) };
                let Some(target) = symbol else { continue };
                let place = start.saturating_add(entry.offset as usize);
                if let Some(targets) =
                    self.function_at(place).and_then(|function| functions.get_mut(function))
                {
                    targets.push(target);
                    continue;
                }
                let mut is_loose = true;
                for piece in data.iter_mut().filter(|piece| self.holds(piece, place)) {
                    piece.targets.push(target);
                    is_loose = false;
                }
                loose.extend(Some(target).filter(|_| is_loose));
            }
        }
        Ok(Some(Links { functions, data, loose }))
    }

    /// What a place in the module names. A type is named by its number, not by a symbol.
    fn target(&self, entry: &RelocationEntry) -> Option<Symbol> {
        match entry.ty {
            RelocationType::TypeIndexLeb => Some(None),
            _ => self.symbols.get(entry.index as usize).copied(),
        }
    }

    fn function_at(&self, place: usize) -> Option<usize> {
        let body = self.bodies.partition_point(|body| body.end <= place);
        self.bodies.get(body).filter(|body| body.contains(&place)).map(|_| self.imported.saturating_add(body))
    }

    fn holds(&self, piece: &Piece, place: usize) -> bool {
        let segment = self.segments.get(piece.segment);
        let offset =
            segment.filter(|bytes| bytes.contains(&place)).map(|bytes| place.saturating_sub(bytes.start));
        offset.is_some_and(|offset| piece.range.contains(&offset))
    }
}
