//! Reading a ServiceEntry.

use std::net::IpAddr;

use super::super::head;
use super::super::reader::{Field, Reader};
use super::super::wasm_plugin::Metadata;
use super::super::yaml::Value;
use super::{API_VERSIONS, Endpoint, Port, Resolution, ServiceEntry};
use crate::fault::Code;

/// Of no meaning on one machine.
const OTHERS: [&str; 4] = ["addresses", "location", "subjectAltNames", "workloadSelector"];

/// How an endpoint begins that is a Unix socket.
const SOCKET: &str = "unix://";

/// As Istio reads them, in any case.
const PROTOCOLS: [(&str, bool); 9] = [
    ("HTTP", false),
    ("HTTPS", false),
    ("HTTP2", true),
    ("GRPC", true),
    ("GRPC-WEB", false),
    ("TLS", false),
    ("TCP", false),
    ("MONGO", false),
    ("UDP", false),
];

const RESOLUTIONS: [(&str, Resolution); 5] = [
    ("NONE", Resolution::None),
    ("STATIC", Resolution::Static),
    ("DNS", Resolution::Dns),
    ("DNS_ROUND_ROBIN", Resolution::Dns),
    ("DYNAMIC_DNS", Resolution::None),
];

/// Reads it; nothing when something is wrong, which the reader then knows.
pub(in super::super) fn read(reader: &mut Reader<'_>) -> Option<ServiceEntry> {
    let root = reader.root();
    head::top(reader, &root, &API_VERSIONS);
    let metadata = head::named(reader, &root);
    let spec = reader.required(&root, "spec", "at least hosts and ports")?;
    let mut known = vec!["hosts", "ports", "resolution", "endpoints", "exportTo"];
    known.extend(OTHERS);
    reader.only(&spec, &known);
    let resolution = reader.word(&spec, "resolution", &RESOLUTIONS).unwrap_or(Resolution::None);
    let of_the_mesh = reader.optional(&spec, "workloadSelector").is_some();
    let resolution = if of_the_mesh { Resolution::Mesh } else { resolution };
    let hosts = hosts(reader, &spec);
    let ports: Vec<Port> =
        reader.items(&spec, "ports").iter().filter_map(|item| port(reader, item)).collect();
    if ports.is_empty() && reader.faults.is_empty() {
        reader.fault(Code::Required, "spec.ports", "is required: at least one");
    }
    let endpoints: Vec<Endpoint> = reader
        .items(&spec, "endpoints")
        .iter()
        .filter_map(|item| endpoint(reader, item, resolution, &ports))
        .collect();
    let sockets = endpoints.iter().any(|endpoint| endpoint.address.starts_with(SOCKET));
    let resolution = if sockets { Resolution::Mesh } else { resolution };
    if endpoints.is_empty() && reader.faults.is_empty() {
        check_no_endpoints(reader, resolution, &hosts);
    }
    let items = reader.items(&spec, "exportTo");
    let export_to = items.iter().filter_map(|item| reader.text(item)).collect();
    let Metadata { namespace, name, .. } = metadata?;
    let full_name = format!("{namespace}.{name}");
    Some(ServiceEntry { full_name, hosts, ports, resolution, endpoints, namespace, export_to })
}

fn check_no_endpoints(reader: &mut Reader<'_>, resolution: Resolution, hosts: &[String]) {
    match resolution {
        Resolution::None | Resolution::Mesh => {}
        Resolution::Static => {
            reader.fault(Code::Required, "spec.endpoints", "is required: STATIC takes their addresses")
        }
        Resolution::Dns => {
            if let Some(index) = hosts.iter().position(|host| host.starts_with('*')) {
                let path = format!("spec.hosts[{index}]");
                reader.fault(Code::Invalid, &path, "cannot be resolved: give endpoints, or a name without *");
            }
        }
    }
}

fn hosts(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<String> {
    let items = reader.items(spec, "hosts");
    if items.is_empty() && reader.faults.is_empty() {
        reader.fault(Code::Required, "spec.hosts", "is required: at least one");
    }
    let mut hosts = Vec::new();
    for item in &items {
        let Some(host) = reader.text(item) else { continue };
        if is_host(host.strip_prefix("*.").unwrap_or(&host)) {
            hosts.push(host);
        } else {
            reader.fault(Code::Name, &item.path, "must be a DNS name, or one after \"*.\"");
        }
    }
    hosts
}

fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    host.len() <= 253 && host.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
}

fn port(reader: &mut Reader<'_>, item: &Field<'_>) -> Option<Port> {
    reader.only(item, &["number", "name", "protocol", "targetPort"]);
    let number = reader.required(item, "number", "1 to 65535").and_then(|field| number(reader, &field));
    let name = reader.required(item, "name", "a label").and_then(|field| reader.text(&field));
    let http2 = reader.word_in_any_case(item, "protocol", &PROTOCOLS).unwrap_or(false);
    let target = reader.optional(item, "targetPort").and_then(|field| self::number(reader, &field));
    Some(Port { number: number?, name: name?, http2, target })
}

/// A port number.
pub(super) fn number(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<u16> {
    let number = match &field.node.value {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        _ => None,
    };
    let number = number.filter(|number| *number > 0);
    if number.is_none() {
        reader.fault(Code::Port, &field.path, "must be a port number: 1 to 65535");
    }
    number
}

fn endpoint(
    reader: &mut Reader<'_>,
    item: &Field<'_>,
    resolution: Resolution,
    known: &[Port],
) -> Option<Endpoint> {
    reader.only(item, &["address", "ports", "labels", "network", "locality", "weight", "serviceAccount"]);
    let address_field = reader.required(item, "address", "an IP address, or with DNS a name")?;
    let address = reader.text(&address_field)?;
    let is_address = address.parse::<IpAddr>().is_ok() || address.starts_with(SOCKET);
    if !is_address && (resolution == Resolution::Static || !is_host(&address)) {
        let message = match resolution {
            Resolution::Static => "must be an IP address: resolution is STATIC",
            _ => "must be an IP address or a DNS name",
        };
        reader.fault(Code::Invalid, &address_field.path, message);
    }
    let mut ports = Vec::new();
    if let Some(field) = reader.optional(item, "ports") {
        let names: Vec<&str> = known.iter().map(|port| port.name.as_str()).collect();
        reader.only(&field, &names);
        for name in names {
            let number = reader.optional(&field, name).and_then(|field| number(reader, &field));
            ports.extend(number.map(|number| (name.to_owned(), number)));
        }
    }
    Some(Endpoint { address, ports })
}
