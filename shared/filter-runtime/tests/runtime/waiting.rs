//! Requests that wait: what wakes them, and everything that can end their wait.

use std::time::Duration;

use testkit::{Answer, Paused, Proxy};

use crate::patient::PatientPlugin;

const MILLISECOND: Duration = Duration::from_millis(1);

fn start(config: &str) -> Proxy {
    Proxy::start::<PatientPlugin>(config).unwrap()
}

fn wait(proxy: &mut Proxy) -> Paused {
    let paused = proxy.request(&[(":path", "/wait"), ("x-own", "1")]).begin();
    assert!(paused.waits());
    paused
}

fn answer(proxy: &mut Proxy, body: &str) {
    let token = proxy.calls()[0].token;
    proxy.answer(token, 200, &[("x-a", "a")], body.as_bytes());
}

fn woken(proxy: &Proxy) -> i64 {
    proxy.counters().iter().find(|(name, _)| name.contains("tag.woken")).map_or(0, |(_, value)| *value)
}

fn details(answer: Answer) -> (u32, String) {
    assert_eq!(answer.upstream, None);
    let reply = answer.reply.unwrap();
    (reply.status, reply.details)
}

#[test]
fn a_request_waits_for_an_errand_and_goes_on_with_its_edits() {
    let mut proxy = start(r#"{"stamp":"v1-"}"#);
    let paused = wait(&mut proxy);
    assert_eq!(proxy.tick_period(), Some(MILLISECOND), "the root may send at once");
    assert!(proxy.calls().is_empty(), "a request owns no errand");
    proxy.tick();
    assert_eq!(proxy.tick_period(), Some(10 * MILLISECOND));
    assert!(paused.waits());
    assert_eq!(woken(&proxy), 0, "what is counted before a wait is dropped");
    answer(&mut proxy, "abc");
    assert!(!paused.waits());
    assert_eq!(proxy.tick_period(), None, "nobody waits");
    let answer = paused.finish();
    assert_eq!(answer.upstream("x-key"), ["v1-200-aabc"]);
    assert_eq!([answer.upstream("x-own"), answer.upstream("x-fresh")], [["1"], ["true"]]);
    assert_eq!(answer.client("x-wakes"), ["2"]);
    assert_eq!(answer.filter_state, [("wasm.wakes".to_owned(), "2".to_owned())]);
    assert_eq!(woken(&proxy), 1);
}

#[test]
fn a_request_that_need_not_wait_makes_no_host_call_for_it() {
    let mut proxy = start("{}");
    let answer = proxy.request(&[(":path", "/")]).send();
    assert_eq!(answer.request_calls, ["get_header_map_pairs"]);
    assert_eq!(answer.response_calls, ["replace_header"]);
    assert_eq!(proxy.tick_period(), None);
}

#[test]
fn waiting_and_waking_cost_so_many_host_calls() {
    let mut proxy = start("{}");
    let first = wait(&mut proxy);
    assert_eq!(proxy.take_calls(), [""; 0]);
    let second = wait(&mut proxy);
    proxy.tick();
    let woken = ["set_effective_context", "get_header_map_pairs", "get_property"];
    let calls = proxy.take_calls();
    let count = |name| calls.iter().filter(|call| **call == name).count();
    assert_eq!(woken.map(count), [3, 2, 2], "{calls:?}: two requests, and back to the root");
    assert_eq!(count("set_tick_period"), 1);
    first.leave();
    // The timer runs already when the second one begins to wait: setting it again would start its time anew.
    let third = proxy.request(&[(":path", "/wait")]).begin();
    let fourth = proxy.request(&[(":path", "/wait")]).begin();
    assert_eq!(proxy.take_calls(), [""; 0]);
    for paused in [second, third, fourth] {
        paused.leave();
    }
}

#[test]
fn many_who_wait_are_let_go_in_batches() {
    let mut proxy = start("{}");
    let paused: Vec<_> = (0..100).map(|_| wait(&mut proxy)).collect();
    proxy.tick();
    assert_eq!(proxy.calls().len(), 1);
    let gone = |paused: &[Paused]| paused.iter().filter(|paused| !paused.waits()).count();
    answer(&mut proxy, "k");
    for expected in [32, 64, 96] {
        assert_eq!(gone(&paused), expected);
        assert_eq!(proxy.tick_period(), Some(MILLISECOND));
        proxy.tick();
    }
    assert_eq!(gone(&paused), 100);
    assert_eq!(proxy.tick_period(), None);
    for paused in paused {
        assert_eq!(paused.finish().upstream("x-key"), ["200-ak"]);
    }
}

#[test]
fn asking_many_leaves_time_for_other_work() {
    let mut proxy = start("{}");
    let paused: Vec<_> = (0..40).map(|_| wait(&mut proxy)).collect();
    let waiting = |paused: &[Paused]| paused.iter().filter(|paused| paused.waits()).count();
    // Each look at the clock takes a millisecond: so does a round, which leaves four to others.
    proxy.slow_clock(MILLISECOND);
    proxy.tick();
    answer(&mut proxy, "k");
    let mut ticks = 0;
    while waiting(&paused) == 40 {
        assert_eq!(proxy.tick_period(), Some(MILLISECOND), "it is made up for soon");
        proxy.tick();
        ticks = i32::wrapping_add(ticks, 1);
        assert!(ticks < 5);
    }
    assert_eq!((ticks, waiting(&paused)), (3, 8));
    proxy.tick();
    for paused in paused {
        assert_eq!(paused.finish().upstream("x-key"), ["200-ak"]);
    }
}

#[test]
fn an_errand_without_an_answer_wakes_too() {
    for (what, title) in
        [("lost", "broken"), ("large", "too large"), ("unknown", "not sent"), ("failed", "not sent")]
    {
        let mut proxy = start("{}");
        match what {
            "unknown" => proxy.forget_cluster("keys"),
            "failed" => proxy.fail("http_call"),
            _ => {}
        }
        let paused = wait(&mut proxy);
        proxy.tick();
        match what {
            "lost" => proxy.lose(proxy.calls()[0].token),
            "large" => answer(&mut proxy, "12345678901"),
            _ => assert!(proxy.calls().is_empty()),
        }
        let reply = paused.finish().reply.unwrap();
        assert_eq!(
            (reply.status, reply.grpc_status, reply.details.as_str()),
            (503, 14, "tollgate.patient.lost")
        );
        assert!(String::from_utf8(reply.body).unwrap().contains(title), "{what}");
    }
}

#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    let mut proxy = start("{}");
    let (leaving, staying) = (wait(&mut proxy), wait(&mut proxy));
    proxy.tick();
    leaving.leave();
    answer(&mut proxy, "k");
    assert_eq!(staying.finish().upstream("x-key"), ["200-ak"]);
    // Nobody is left at all when the answer comes.
    let mut proxy = start("{}");
    let leaving = wait(&mut proxy);
    proxy.tick();
    leaving.leave();
    answer(&mut proxy, "k");
    assert_eq!(proxy.tick_period(), None);
    assert_eq!(proxy.request(&[(":path", "/wait")]).send().upstream("x-key"), ["200-ak"]);
}

#[test]
fn a_new_configuration_leaves_those_who_wait_to_the_old_one() {
    let mut proxy = start(r#"{"stamp":"old-"}"#);
    let old = wait(&mut proxy);
    proxy.tick();
    let token = proxy.calls()[0].token;
    proxy.configure(r#"{"stamp":"new-"}"#).unwrap();
    assert_eq!(proxy.generations(), 2);
    let new = wait(&mut proxy);
    proxy.answer(token, 200, &[("x-a", "a")], b"k");
    assert!(new.waits(), "the answer is not the new configuration's");
    assert_eq!(old.finish().upstream("x-key"), ["old-200-ak"]);
    assert_eq!(proxy.generations(), 1, "the old root goes with its last stream");
    proxy.tick();
    answer(&mut proxy, "m");
    assert_eq!(new.finish().upstream("x-key"), ["new-200-am"]);
}

#[test]
fn an_old_root_without_streams_goes_with_its_errands_and_its_timer() {
    let mut proxy = start(r#"{"tickMs":1000}"#);
    let leaving = wait(&mut proxy);
    proxy.tick();
    leaving.leave();
    assert_eq!(proxy.calls().len(), 1);
    proxy.take_calls();
    proxy.configure("{}").unwrap();
    assert_eq!((proxy.generations(), proxy.calls().len()), (1, 0));
    assert!(proxy.take_calls().contains(&"set_tick_period"), "Envoy's timers outlive their roots");
}

#[test]
fn nobody_waits_longer_than_a_minute() {
    let mut proxy = start("{}");
    let paused = wait(&mut proxy);
    proxy.advance(Duration::from_millis(59_999));
    proxy.tick();
    assert!(paused.waits());
    proxy.advance(MILLISECOND);
    proxy.tick();
    assert_eq!(details(paused.finish()), (503, "tollgate.patient.gave_up_waiting".to_owned()));
    assert_eq!(proxy.tick_period(), None);
}

#[test]
fn envoys_own_reply_ends_a_wait() {
    let mut proxy = start("{}");
    let (first, second) = (wait(&mut proxy), wait(&mut proxy));
    assert_eq!(first.time_out().client("x-wakes"), ["0"]);
    second.leave();
    proxy.tick();
    assert_eq!(proxy.tick_period(), None);
}

#[test]
fn a_response_cannot_wait() {
    let answer = start("{}").request(&[(":path", "/late")]).send();
    assert_eq!(answer.reply.unwrap().details, "tollgate.patient.cannot_wait");
}

#[test]
fn a_host_call_that_fails_ends_a_wait_closed() {
    for (function, before, reason) in [
        ("set_tick_period", true, "cannot_wait"),
        ("get_current_time", true, "cannot_wait"),
        ("get_current_time", false, "gave_up_waiting"),
        ("get_header_map_pairs", false, "no_headers"),
        ("replace_header", false, "not_written"),
        ("set_property", false, "not_written"),
        ("continue_stream", false, "not_resumed"),
    ] {
        let mut proxy = start("{}");
        if before {
            proxy.fail(function);
        }
        let paused = proxy.request(&[(":path", "/wait")]).begin();
        assert_ne!(paused.waits(), before, "{function}");
        if !before {
            proxy.fail(function);
            proxy.tick();
            if paused.waits() {
                answer(&mut proxy, "k");
            }
        }
        proxy.heal();
        // `continue_stream` took nothing: the request is still at hand when the reply is sent.
        assert_eq!(details(paused.finish()).1, format!("tollgate.patient.{reason}"), "{function}");
        assert!(
            proxy.request(&[(":path", "/")]).send().upstream.is_some(),
            "{function}: the next one is served"
        );
    }
}

#[test]
fn a_stream_that_the_host_does_not_know_is_tried_again() {
    let mut proxy = start("{}");
    let paused = wait(&mut proxy);
    proxy.tick();
    proxy.fail("set_effective_context");
    proxy.tick();
    assert!(paused.waits());
    proxy.heal();
    answer(&mut proxy, "k");
    assert_eq!(paused.finish().upstream("x-key"), ["200-ak"]);
    // For ever is too long.
    let mut proxy = start("{}");
    let paused = wait(&mut proxy);
    proxy.fail("set_effective_context");
    proxy.advance(Duration::from_secs(60));
    proxy.tick();
    assert_eq!(proxy.tick_period(), None);
    paused.leave();
}
