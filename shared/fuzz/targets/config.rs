//! Any bytes as a configuration, and what it makes of any request and any answer of a provider: nothing panics.
#![no_main]

use auth_policy::AuthPlugin;
use libfuzzer_sys::fuzz_target;
use policy_core::callout::Answer;
use policy_core::table::{Still, Table};
use policy_core::{Exchange, Flow, Outside, Plugin, Policy};

type Stream = <<AuthPlugin as Plugin>::Policy as Policy>::Stream;

// The configuration, the request's headers as lines `name: value`, and a provider's answer, each ended by a zero byte.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let config = parts.next().unwrap_or_default();
    let environment = |_: &str| Some("a secret from the environment".to_owned());
    // Bcrypt is slow by design: thousands of these would be all that is tried.
    if config.windows(2).any(|window| window == b"$2") {
        return;
    }
    let policy = match AuthPlugin::from_json(config, &environment) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(!error.to_string().contains("a secret from the environment"));
            return;
        }
    };
    let table = Table { headers: headers(parts.next().unwrap_or_default()), ..Table::default() };
    let answer = parts.next().unwrap_or_default();
    let host = Still::default();
    host.now.set(1_795_000_000_000_000_000);
    let mut out = Outside::new(&host);
    policy.on_start(&mut out);
    policy.on_tick(&mut out);
    answered(&policy, &mut out, answer);
    let mut stream = Stream::default();
    let mut exchange = Exchange::new(&table);
    let mut flow = policy.on_request_headers(&mut stream, &mut exchange, &host);
    if matches!(flow, Flow::Wait) {
        host.now.set(host.now.get() + 10_000_000);
        let mut out = Outside::new(&host);
        policy.on_tick(&mut out);
        answered(&policy, &mut out, answer);
        flow = policy.on_wake(&mut stream, &mut Exchange::new(&table), &host);
    }
    if let Flow::Reply(reply) = flow {
        assert!(matches!(reply.status, 400 | 401 | 403 | 503), "{}", reply.status);
    }
});

fn answered(policy: &<AuthPlugin as Plugin>::Policy, out: &mut Outside<'_>, body: &[u8]) {
    // A discovery document leads to keys, and these to nothing more.
    for _ in 0..3 {
        for (errand, _) in out.take_errands() {
            let answer = Answer { status: 200, body: body.to_vec(), ..Answer::default() };
            policy.on_errand(errand, Ok(answer), out);
        }
    }
}

fn headers(lines: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let line = |line: &[u8]| {
        // The colon of a pseudo-header is part of its name.
        let at = line.iter().skip(1).position(|byte| *byte == b':')? + 1;
        let (name, value) = line.split_at(at);
        Some((name.to_ascii_lowercase(), value[1..].trim_ascii().to_vec()))
    };
    lines.split(|byte| *byte == b'\n').filter_map(line).take(100).collect()
}
