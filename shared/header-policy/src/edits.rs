//! The edits of one rule to one message.

use policy_core::config::Wire;
use policy_core::format::{Captured, Compiler, Format, Phase};
use policy_core::{ConfigError, Exchange, HeaderName, HeaderValue, Host};

use crate::name::{Removal, Use, check, is_good_value};

/// Edits as they are written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::edits))]
pub(crate) struct Config {
    /// Exactly this value. In a request, `:path` and `:authority` can be rewritten here.
    #[serde(default)]
    set: Vec<Pair>,
    /// One value more.
    #[serde(default)]
    add: Vec<Pair>,
    /// This value, where the header is not there.
    #[serde(default)]
    add_if_absent: Vec<Pair>,
    /// This value, where the header is there.
    #[serde(default)]
    set_if_present: Vec<Pair>,
    /// Takes headers off: a name, `x-int-*` or `*-debug`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["x-internal-*"]])))]
    remove: Vec<Removal>,
    /// Moves all values; the target loses its own.
    #[serde(default)]
    rename: Vec<Move>,
    /// Copies all values; the target loses its own. The source may be a pseudo header such as `:path`.
    #[serde(default)]
    copy: Vec<Move>,
}

#[derive(Wire)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Pair {
    /// The header.
    name: HeaderName,
    /// Text with operators such as `%REQ(name)%`, `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`, `%START_TIME%`, `%UUID%`.
    #[cfg_attr(feature = "schema", schemars(transform = policy_core::schema::header_value))]
    value: String,
}

#[derive(Clone, Wire)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Move {
    /// The header that is read.
    from: HeaderName,
    /// The header that is written.
    to: HeaderName,
}

/// Compiled edits.
pub(crate) struct Edits {
    remove: Vec<Removal>,
    moves: Vec<(Move, Kind)>,
    writes: Vec<(HeaderName, Mode, Format)>,
}

/// A path or authority was to be rewritten with what is none: the one the client sent still stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rename,
    Copy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Set,
    SetIfPresent,
    AddIfAbsent,
    Add,
}

impl Edits {
    /// Compiles the edits of one phase.
    pub(crate) fn compile(
        config: Config,
        phase: Phase,
        compiler: &mut Compiler,
    ) -> Result<Self, ConfigError> {
        let mut moves = Vec::new();
        for (list, kind, items) in
            [("rename", Kind::Rename, config.rename), ("copy", Kind::Copy, config.copy)]
        {
            for (index, item) in items.into_iter().enumerate() {
                check_move(&item, kind, phase).map_err(|error| error.under_item(list, index))?;
                moves.push((item, kind));
            }
        }
        let mut writes = Vec::new();
        for (list, mode, items) in [
            ("set", Mode::Set, config.set),
            ("setIfPresent", Mode::SetIfPresent, config.set_if_present),
            ("addIfAbsent", Mode::AddIfAbsent, config.add_if_absent),
            ("add", Mode::Add, config.add),
        ] {
            for (index, item) in items.into_iter().enumerate() {
                let format = compile_pair(&item, mode, phase, compiler)
                    .map_err(|error| error.under_item(list, index))?;
                writes.push((item.name, mode, format));
            }
        }
        if config.remove.is_empty() && moves.is_empty() && writes.is_empty() {
            return Err(ConfigError::at(
                "",
                "no edit is given; use set, add, addIfAbsent, setIfPresent, remove, rename or copy",
            ));
        }
        Ok(Self { remove: config.remove, moves, writes })
    }

    /// Applies the edits in the order remove, rename, copy, set, setIfPresent, addIfAbsent, add.
    ///
    /// Values and sources are read first, as the message was when the rule began.
    ///
    /// # Errors
    /// [`Unfit`] when a path or authority was to be rewritten with what is none. The other edits are made all the same.
    pub(crate) fn apply(
        &self,
        exchange: &mut Exchange<'_>,
        captured: &Captured,
        host: &dyn Host,
    ) -> Result<(), Unfit> {
        let values: Vec<HeaderValue> =
            self.writes.iter().map(|(_, _, format)| format.value(exchange, captured, host)).collect();
        let moved: Vec<Vec<HeaderValue>> = self
            .moves
            .iter()
            .map(|(item, _)| exchange.headers.values(&item.from).map(HeaderValue::escaped).collect())
            .collect();
        self.remove(exchange);
        // All sources go before any target comes, so that two headers can change places.
        for ((item, kind), values) in self.moves.iter().zip(&moved) {
            if *kind == Kind::Rename && !values.is_empty() {
                exchange.headers.remove(&item.from);
            }
        }
        for ((item, _), values) in self.moves.iter().zip(moved) {
            if !values.is_empty() {
                exchange.headers.set_all(&item.to, values);
            }
        }
        let mut outcome = Ok(());
        for ((name, mode, format), value) in self.writes.iter().zip(values) {
            if is_good_value(name, value.as_bytes()) {
                write(exchange, name, *mode, format.is_literal(), value);
            } else {
                outcome = Err(Unfit);
            }
        }
        outcome
    }

    fn remove(&self, exchange: &mut Exchange<'_>) {
        for removal in &self.remove {
            if let Removal::Exact(name) = removal {
                exchange.headers.remove(name);
            }
        }
        let patterns: Vec<&Removal> =
            self.remove.iter().filter(|r| !matches!(r, Removal::Exact(_))).collect();
        if !patterns.is_empty() {
            exchange.headers.remove_where(|name| patterns.iter().any(|pattern| pattern.accepts(name)));
        }
    }
}

fn write(exchange: &mut Exchange<'_>, name: &HeaderName, mode: Mode, literal: bool, value: HeaderValue) {
    let headers = &mut exchange.headers;
    let applies = match mode {
        Mode::Set | Mode::Add => true,
        Mode::SetIfPresent => headers.contains(name),
        Mode::AddIfAbsent => !headers.contains(name),
    };
    let empty = value.as_bytes().is_empty() && !literal;
    if !applies {
        return;
    }
    match mode {
        // What had no value must not leave the client's own value standing in its place.
        Mode::Set | Mode::SetIfPresent if empty => headers.remove(name),
        Mode::Set | Mode::SetIfPresent => headers.set(name, value),
        Mode::Add | Mode::AddIfAbsent if empty => {}
        Mode::Add | Mode::AddIfAbsent => headers.append(name, value),
    }
}

fn check_move(item: &Move, kind: Kind, phase: Phase) -> Result<(), ConfigError> {
    check(&item.to, phase, Use::Edit).map_err(|message| ConfigError::at("to", message))?;
    if kind == Kind::Rename {
        check(&item.from, phase, Use::Edit).map_err(|message| ConfigError::at("from", message))?;
    }
    if item.from == item.to {
        return Err(ConfigError::at("to", "from and to are the same header"));
    }
    Ok(())
}

fn compile_pair(
    pair: &Pair,
    mode: Mode,
    phase: Phase,
    compiler: &mut Compiler,
) -> Result<Format, ConfigError> {
    let usage = if mode == Mode::Set { Use::Set } else { Use::Edit };
    check(&pair.name, phase, usage).map_err(|message| ConfigError::at("name", message))?;
    let format = compiler.compile(&pair.value, phase).map_err(|message| ConfigError::at("value", message))?;
    if format.is_literal() && !is_good_value(&pair.name, pair.value.as_bytes()) {
        return Err(ConfigError::at("value", format!("this is no value for {}", pair.name)));
    }
    Ok(format)
}
