//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What `--help` says.
pub(crate) const USAGE: &str = "\
limitador-service --limits FILE (--redis URL [--reconnect-at-once] | --memory) [--listen ADDRESS] [--delay FILE] [--log-calls]

  --limits FILE     limits in Limitador's format (YAML); read again upon SIGHUP
  --redis URL       count in Redis 7 or newer: redis://127.0.0.1:6379
  --reconnect-at-once
                    look for a lost Redis upon each call; Limitador itself takes up to two minutes to find it again
  --memory          count in memory
  --listen ADDRESS  gRPC without TLS; 127.0.0.1:0 (a free port) when not given
  --delay FILE      each answer comes as many milliseconds late as the file says at that moment; it may be missing
  --log-calls       a line of JSON on stdout for each call";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) limits: PathBuf,
    pub(crate) counters: Counters,
    pub(crate) listen: SocketAddr,
    pub(crate) delay: Option<PathBuf>,
    pub(crate) log_calls: bool,
}

/// Where the counters are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counters {
    Memory,
    Redis { url: String, at_once: bool },
}

impl Args {
    /// Nothing when help is wanted.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut limits, mut redis, mut delay) = (None, None, None);
        let (mut memory, mut at_once, mut log_calls) = (false, false, false);
        let mut listen = SocketAddr::from(([127, 0, 0, 1], 0));
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
            match arg.as_str() {
                "--limits" => limits = Some(PathBuf::from(value()?)),
                "--redis" => redis = Some(value()?),
                "--reconnect-at-once" => at_once = true,
                "--memory" => memory = true,
                "--listen" => listen = value()?.parse().map_err(|error| format!("--listen: {error}"))?,
                "--delay" => delay = Some(PathBuf::from(value()?)),
                "--log-calls" => log_calls = true,
                "--help" => return Ok(None),
                _ => return Err(format!("unknown: {arg}\n{USAGE}")),
            }
        }
        let counters = match redis {
            Some(url) if !memory => Counters::Redis { url, at_once },
            None if memory => Counters::Memory,
            _ => return Err(format!("either --redis or --memory\n{USAGE}")),
        };
        let limits = limits.ok_or_else(|| format!("--limits is missing\n{USAGE}"))?;
        Ok(Some(Self { limits, counters, listen, delay, log_calls }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_full_line_is_understood() {
        let line = "--limits l.yaml --redis redis://h:1 --reconnect-at-once --listen 127.0.0.1:8081 --delay d --log-calls";
        let args = parse(line).unwrap().unwrap();
        assert_eq!(args.limits, PathBuf::from("l.yaml"));
        assert_eq!(args.counters, Counters::Redis { url: "redis://h:1".to_owned(), at_once: true });
        assert_eq!(args.listen, "127.0.0.1:8081".parse().unwrap());
        assert_eq!(args.delay, Some(PathBuf::from("d")));
        assert!(args.log_calls);
    }

    #[test]
    fn what_is_not_meant_is_refused() {
        let cases = [
            ("--limits l", "either --redis or --memory"),
            ("--limits l --memory --redis r", "either --redis or --memory"),
            ("--memory", "--limits is missing"),
            ("--memory --limits", "--limits needs a value"),
            ("--memory --limits l --listen here", "--listen: "),
            ("--memory --limits l extra", "unknown: extra"),
        ];
        for (line, wanted) in cases {
            let Err(error) = parse(line) else { panic!("{line} was taken") };
            assert!(error.starts_with(wanted), "{line}: {error}");
        }
        assert!(parse("--help").unwrap().is_none());
    }
}
