//! The `log` crate's lines, in Envoy's log.
//!
//! The level is asked once per configuration: a line below it costs a comparison, not a crossing.

use log::{Level, LevelFilter, Log, Metadata, Record};
use proxy_wasm::types::LogLevel;

use crate::host;

struct Logger;

/// Installs the logger and takes over Envoy's level.
pub(crate) fn install() {
    // Fails only when it is installed already: a configuration-only swap keeps the VM and its statics.
    let _ = log::set_logger(&Logger);
    log::set_max_level(match host::log_level() {
        Ok(0) => LevelFilter::Trace,
        Ok(1) => LevelFilter::Debug,
        Ok(3) => LevelFilter::Warn,
        Ok(4 | 5) => LevelFilter::Error,
        Ok(6..) => LevelFilter::Off,
        Ok(2) | Err(_) => LevelFilter::Info,
    });
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        match record.args().as_str() {
            Some(text) => host::log(level, text),
            None => host::log(level, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}
