//! Reading format strings.

use super::{Compiler, Format, Operator, Part, Phase};
use crate::header::{HeaderName, HeaderValue};

const KNOWN: &str = "REQ(name), RESP(name), DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, PROTOCOL, ROUTE_NAME, \
                     UPSTREAM_CLUSTER, START_TIME, REQUEST_ID, FILTER_STATE(key:PLAIN), UUID, and %% for a percent sign";

pub(super) fn parse(text: &str, phase: Phase, compiler: &mut Compiler) -> Result<Format, String> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            plain.push('%');
            rest = after;
            continue;
        }
        let (operator, after) = cut_operator(after)?;
        flush(&mut plain, &mut parts)?;
        parts.push(part(operator, phase, compiler)?);
        rest = after;
    }
    plain.push_str(rest);
    flush(&mut plain, &mut parts)?;
    if parts.is_empty() {
        parts.push(Part::Text(HeaderValue::parse("")?));
    }
    Ok(Format { parts })
}

/// Splits at the `%` that ends an operator; one inside its parentheses belongs to the argument.
fn cut_operator(text: &str) -> Result<(&str, &str), String> {
    let name_ends = text.find(['(', '%']).unwrap_or(text.len());
    let close = match text.get(name_ends..).and_then(|rest| rest.strip_prefix('(')) {
        Some(argument) => argument.find(')').map(|at| at.saturating_add(name_ends)),
        None => Some(name_ends),
    };
    close
        .and_then(|from| text.get(from..).and_then(|tail| tail.find('%')).map(|at| at.saturating_add(from)))
        .and_then(|end| Some((text.get(..end)?, text.get(end.saturating_add(1)..)?)))
        .ok_or_else(|| {
            "an operator that starts with % has no closing %; a percent sign is written %%".to_owned()
        })
}

fn flush(plain: &mut String, parts: &mut Vec<Part>) -> Result<(), String> {
    if !plain.is_empty() {
        parts.push(Part::Text(HeaderValue::parse(plain)?));
        plain.clear();
    }
    Ok(())
}

/// `REQ(x-id?x-other):16` taken apart.
struct Call<'a> {
    name: &'a str,
    argument: Option<&'a str>,
    limit: Option<usize>,
}

fn take_apart(text: &str) -> Result<Call<'_>, String> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok(Call { name: text, argument: None, limit: None });
    };
    let (argument, tail) =
        rest.split_once(')').ok_or_else(|| format!("%{text}%: the parenthesis is not closed"))?;
    let limit = match tail.strip_prefix(':') {
        None if tail.is_empty() => None,
        Some(length) if length.parse::<usize>().is_ok_and(|length| length > 0) => length.parse().ok(),
        _ => return Err(format!("%{text}%: after the parenthesis only :length may follow, such as :16")),
    };
    Ok(Call { name, argument: Some(argument), limit })
}

fn part(text: &str, phase: Phase, compiler: &mut Compiler) -> Result<Part, String> {
    let Call { name, argument, limit } = take_apart(text)?;
    let (operator, from_request) = match (name, argument) {
        ("REQ", Some(argument)) => (header(argument)?, true),
        ("REQUEST_ID", None) => {
            (Operator::Header { name: compiler.request_id.clone(), otherwise: None }, true)
        }
        ("RESP", Some(_)) if phase == Phase::Request => {
            return Err(
                "%RESP()% has no value while the request is on its way; use it under response".to_owned()
            );
        }
        ("RESP", Some(argument)) => (header(argument)?, false),
        ("FILTER_STATE", Some(argument)) => (filter_state(argument)?, false),
        _ => {
            let operator = simple(name, argument, text)?;
            let from_request = operator.needs_request();
            (operator, from_request)
        }
    };
    Ok(match phase {
        Phase::Response if from_request => Part::Captured { slot: compiler.captures.slot(operator), limit },
        _ => Part::Operator { operator, limit },
    })
}

fn simple(name: &str, argument: Option<&str>, text: &str) -> Result<Operator, String> {
    let operator = match name {
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" => Operator::PeerAddress,
        "PROTOCOL" => Operator::Protocol,
        "ROUTE_NAME" => Operator::RouteName,
        "UPSTREAM_CLUSTER" => Operator::UpstreamCluster,
        "START_TIME" => Operator::StartTime,
        "UUID" => Operator::Uuid,
        "REQ" | "RESP" | "FILTER_STATE" => {
            return Err(format!("%{text}% needs an argument (known: {KNOWN})"));
        }
        "REQUEST_ID" => return Err(format!("%{text}%: {name} takes no argument")),
        // Between two stray percent signs may stand anything, a secret too: only what looks like an operator is named.
        _ if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
            return Err(format!("unknown operator %{name}% (known: {KNOWN})"));
        }
        _ => return Err(format!("what stands between % and % is no operator (known: {KNOWN})")),
    };
    match argument {
        None => Ok(operator),
        Some(_) => Err(format!("%{text}%: {name} takes no argument")),
    }
}

fn header(argument: &str) -> Result<Operator, String> {
    let (name, otherwise) = match argument.split_once('?') {
        Some((name, otherwise)) => (name, Some(HeaderName::parse(otherwise)?)),
        None => (argument, None),
    };
    Ok(Operator::Header { name: HeaderName::parse(name)?, otherwise })
}

fn filter_state(argument: &str) -> Result<Operator, String> {
    match argument.rsplit_once(':') {
        Some((key, "PLAIN")) if !key.is_empty() => Ok(Operator::FilterState(key.to_owned())),
        _ => Err("%FILTER_STATE(key:PLAIN)% needs a key and PLAIN: other forms are not text".to_owned()),
    }
}
