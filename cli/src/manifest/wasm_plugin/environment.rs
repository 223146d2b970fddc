//! `vmConfig.env`.

use super::super::reader::{Field, Reader};
use super::super::yaml::Value;
use super::{EnvValue, EnvVar};
use crate::fault::Code;

/// What the API server takes.
const MOST_VARIABLES: usize = 256;
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 2048;

pub(super) fn read(reader: &mut Reader<'_>, of: &Field<'_>) -> Vec<EnvVar> {
    let Some(vm) = reader.optional(of, "vmConfig") else { return Vec::new() };
    reader.only(&vm, &["env"]);
    let items = reader.items(&vm, "env");
    if items.len() > MOST_VARIABLES {
        reader.fault(Code::Environment, &vm.child("env"), format!("at most {MOST_VARIABLES} variables"));
    }
    let mut variables: Vec<EnvVar> = Vec::new();
    for item in &items {
        let variable = variable(reader, item, &variables);
        variables.push(variable);
    }
    variables
}

fn variable(reader: &mut Reader<'_>, item: &Field<'_>, earlier: &[EnvVar]) -> EnvVar {
    reader.only(item, &["name", "value", "valueFrom"]);
    let field = reader.required(item, "name", "the variable's name");
    let name = field.as_ref().and_then(|name| reader.text(name));
    if let (Some(field), Some(name)) = (&field, &name) {
        let message = if name.is_empty() || name.len() > LONGEST_NAME {
            Some("must have 1 to 256 bytes")
        } else {
            earlier.iter().any(|variable| variable.name == *name).then_some("is given twice")
        };
        if let Some(message) = message {
            reader.fault(Code::Environment, &field.path, message);
        }
    }
    let from_host = from_host(reader, item);
    let value = reader.optional_text(item, "value");
    if value.as_ref().is_some_and(|value| value.len() > LONGEST_VALUE) {
        reader.fault(Code::Environment, &item.child("value"), "must have at most 2048 bytes");
    }
    if from_host && value.is_some() {
        let message = "value may only be set when valueFrom is INLINE";
        reader.fault(Code::Environment, &item.child("value"), message);
    }
    let value = if from_host { EnvValue::Host } else { EnvValue::Inline(value.unwrap_or_default()) };
    EnvVar { name: name.unwrap_or_default(), value }
}

fn from_host(reader: &mut Reader<'_>, item: &Field<'_>) -> bool {
    let object = item.node.field("valueFrom").is_some_and(|entry| matches!(entry.value.value, Value::Map(_)));
    let secret = item.node.field("valueFrom").and_then(|entry| entry.value.text()) == Some("secretKeyRef");
    if object || secret {
        let message = "valueFrom is INLINE or HOST; put the secret into the proxy's environment and use HOST";
        reader.fault(Code::Environment, &item.child("valueFrom"), message);
        return false;
    }
    reader.word(item, "valueFrom", &[("INLINE", false), ("HOST", true)]).unwrap_or(false)
}
