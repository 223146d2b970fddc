//! Requests that ask: every way their question, their answer, and they themselves can go.

use std::time::Duration;

use testkit::{Answer, Paused, Proxy};

use crate::asker::{AskerPlugin, QUESTION};

fn start(config: &str) -> Proxy {
    Proxy::start::<AskerPlugin<true>>(config).unwrap()
}

fn ask(proxy: &mut Proxy, path: &str) -> Paused {
    let paused = proxy.request(&[(":path", path), ("x-own", "1")]).begin();
    assert!(paused.waits());
    paused
}

fn token(proxy: &Proxy) -> u32 {
    proxy.calls().last().unwrap().token
}

fn metric(proxy: &Proxy, name: &str) -> i64 {
    let part = format!("tag.{name};");
    proxy.counters().iter().find(|(name, _)| name.contains(&part)).map_or(0, |(_, value)| *value)
}

fn details(answer: Answer) -> (u32, String) {
    assert_eq!(answer.upstream, None);
    let reply = answer.reply.unwrap();
    (reply.status, reply.details)
}

#[test]
fn a_question_is_sent_at_once_as_it_was_written() {
    let mut proxy = start("{}");
    let paused = ask(&mut proxy, "/ask");
    let calls = proxy.calls();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.cluster.as_str(), call.body.as_slice()), ("limits", QUESTION));
    assert_eq!(
        [":method", ":path", "te"].map(|name| call.header(name).unwrap()),
        ["POST", "/s/M", "trailers"]
    );
    assert!(call.headers.contains(&(b"x-odd".to_vec(), vec![b'a', 0xe4])), "a value need not be text");
    assert_eq!(call.timeout, Duration::from_millis(50));
    assert_eq!(proxy.tick_period(), None, "an answer comes without a timer");
    paused.leave();
}

#[test]
fn a_request_goes_on_with_the_edits_of_its_answer_and_none_before() {
    let mut proxy = start(r#"{"stamp":"v1 "}"#);
    let paused = ask(&mut proxy, "/ask");
    assert_eq!(
        (metric(&proxy, "asked"), metric(&proxy, "answered")),
        (1, 0),
        "what is counted stays counted"
    );
    let token = token(&proxy);
    proxy.answer_grpc(token, &[7, 0], &[("grpc-status", "8"), ("x", "y")]);
    assert_eq!((metric(&proxy, "asked"), metric(&proxy, "answered")), (1, 1));
    let answer = paused.finish();
    assert_eq!(answer.upstream("x-answer"), ["v1 true 200 [7, 0] 8"]);
    assert_eq!([answer.upstream("x-own"), answer.upstream("x-early")], [vec!["1".to_owned()], vec![]]);
    assert_eq!(answer.client("x-told"), ["200 [7, 0] 8"], "the stream remembers");
    assert_eq!(answer.filter_state, [("wasm.path".to_owned(), "/ask".to_owned())]);
}

#[test]
fn the_answer_may_refuse_the_request() {
    let mut proxy = start("{}");
    let paused = ask(&mut proxy, "/refuse");
    proxy.answer(token(&proxy), 503, &[], b"");
    let answer = paused.finish();
    assert_eq!(answer.client("x-told"), ["503 [] -"], "its response phase comes all the same");
    let reply = answer.reply.as_ref().unwrap();
    assert_eq!((reply.status, reply.grpc_status), (429, 8));
    assert_eq!(details(answer).1, "tollgate.asker.over");
}

#[test]
fn asking_costs_so_many_host_calls() {
    let mut proxy = start("{}");
    let paused = proxy.request(&[(":path", "/ask")]).begin();
    let token = token(&proxy);
    proxy.answer_grpc(token, &[1], &[("grpc-status", "0")]);
    let in_answer = ["get_header_map_pairs", "get_header_map_pairs", "get_buffer", "set_effective_context"];
    assert_eq!(proxy.take_calls()[..4], in_answer, "the answer's headers, trailers and body");
    let answer = paused.finish();
    assert_eq!(answer.request_calls, ["get_header_map_pairs", "increment_metric", "http_call"]);
    let plain = proxy.request(&[(":path", "/")]).send();
    assert_eq!(plain.request_calls, ["get_header_map_pairs"]);
}

#[test]
fn an_answer_that_is_lost_is_told_too() {
    for (what, told) in [
        ("broken", "Broken"),
        ("large", "TooLarge"),
        ("get_header_map_pairs", "Broken"),
        ("get_buffer", "Broken"),
        ("time", "504 [116] -"),
    ] {
        let mut proxy = start("{}");
        let paused = ask(&mut proxy, "/ask");
        let token = token(&proxy);
        match what {
            "broken" => proxy.lose(token),
            "large" => proxy.answer(token, 200, &[], &[0; 11]),
            "time" => proxy.answer(token, 504, &[], b"t"),
            function => {
                proxy.fail(function);
                proxy.answer(token, 200, &[], b"k");
                proxy.heal();
            }
        }
        let answer = paused.finish();
        // Where its headers cannot be read either, the request is refused, but the policy has heard of it.
        let refused = what == "get_header_map_pairs";
        assert_eq!(answer.reply.is_some(), refused, "{what}");
        assert_eq!(answer.client("x-told"), [told], "{what}");
    }
}

#[test]
fn a_question_that_is_not_sent_is_answered_on_the_spot() {
    for unknown in [true, false] {
        let mut proxy = start("{}");
        if unknown {
            proxy.forget_cluster("limits")
        } else {
            proxy.fail("http_call")
        }
        let paused = proxy.request(&[(":path", "/ask")]).begin();
        assert!(!paused.waits());
        assert_eq!((metric(&proxy, "asked"), metric(&proxy, "answered")), (1, 1));
        assert_eq!(paused.finish().upstream("x-answer"), ["true NotSent"]);
        let refused = proxy.request(&[(":path", "/refuse")]).send();
        assert_eq!(details(refused), (429, "tollgate.asker.over".to_owned()));
    }
}

#[test]
fn so_many_questions_are_on_their_way_and_no_more() {
    let mut proxy = start("{}");
    let mut asking: Vec<_> = (0..1024).map(|_| ask(&mut proxy, "/ask")).collect();
    assert_eq!(proxy.calls().len(), 1024);
    let one_more = |proxy: &mut Proxy| proxy.request(&[(":path", "/ask")]).send().upstream("x-answer");
    assert_eq!(one_more(&mut proxy), ["true NotSent"]);
    // Envoy does not cancel the question of a client that leaves: it counts until it is answered.
    let token = token(&proxy);
    asking.pop().unwrap().leave();
    assert_eq!(one_more(&mut proxy), ["true NotSent"]);
    proxy.answer(token, 200, &[], b"");
    asking.push(ask(&mut proxy, "/ask"));
    // A second VM has its own.
    let mut other = proxy.another_vm("{}").unwrap();
    ask(&mut other, "/ask").leave();
    for paused in asking {
        paused.leave();
    }
}

#[test]
fn an_answer_that_comes_too_late_is_dropped() {
    let mut proxy = start("{}");
    let (leaving, timed_out) = (ask(&mut proxy, "/ask"), ask(&mut proxy, "/ask"));
    let tokens: Vec<_> = proxy.calls().iter().map(|call| call.token).collect();
    leaving.leave();
    assert_eq!(timed_out.time_out().client("x-told"), ["nothing"]);
    proxy.take_calls();
    for token in tokens {
        proxy.answer(token, 200, &[], b"k");
    }
    assert_eq!(proxy.take_calls(), [""; 0], "it is not even read");
    assert_eq!(metric(&proxy, "answered"), 0);
}

#[test]
fn an_answer_between_envoys_reply_and_the_end_of_the_stream_is_dropped() {
    let mut proxy = start("{}");
    let paused = ask(&mut proxy, "/ask");
    let token = token(&proxy);
    let replied = paused.reply();
    proxy.answer(token, 200, &[], b"k");
    assert_eq!((metric(&proxy, "answered"), metric(&proxy, "ended")), (0, 0));
    replied.leave();
    assert_eq!(metric(&proxy, "ended"), 1);
}

#[test]
fn a_new_configuration_leaves_those_who_ask_to_the_old_one() {
    let mut proxy = start(r#"{"stamp":"old "}"#);
    let old = ask(&mut proxy, "/ask");
    let (old_token, leaving) = (token(&proxy), ask(&mut proxy, "/ask"));
    proxy.configure(r#"{"stamp":"new "}"#).unwrap();
    let new = ask(&mut proxy, "/ask");
    let new_token = token(&proxy);
    proxy.answer(old_token, 200, &[], b"");
    assert_eq!(old.finish().upstream("x-answer"), ["old true 200 [] -"]);
    assert_eq!(proxy.generations(), 2);
    leaving.leave();
    assert_eq!((proxy.generations(), proxy.calls().len()), (1, 1), "an old root's calls are cancelled");
    proxy.answer(new_token, 200, &[], b"");
    assert_eq!(new.finish().upstream("x-answer"), ["new true 200 [] -"]);
}

#[test]
fn questions_that_go_with_their_root_make_room() {
    let mut proxy = start("{}");
    let asking: Vec<_> = (0..1024).map(|_| ask(&mut proxy, "/ask")).collect();
    proxy.configure("{}").unwrap();
    assert_eq!(proxy.request(&[(":path", "/ask")]).send().upstream("x-answer"), ["true NotSent"]);
    for paused in asking {
        paused.leave();
    }
    assert_eq!(proxy.generations(), 1);
    ask(&mut proxy, "/ask").leave();
}

#[test]
fn who_was_answered_cannot_wait_or_ask_again() {
    for path in ["/again", "/wait-then"] {
        let mut proxy = start("{}");
        let paused = ask(&mut proxy, path);
        proxy.answer(token(&proxy), 200, &[], b"");
        assert_eq!(details(paused.finish()), (500, "tollgate.asker.cannot_wait".to_owned()), "{path}");
        assert!(proxy.calls().is_empty());
    }
    let mut proxy = start("{}");
    let late = proxy.request(&[(":path", "/late")]).send();
    assert_eq!(late.reply.unwrap().details, "tollgate.asker.cannot_wait", "nor a response");
    assert!(proxy.calls().is_empty());
}

#[test]
fn who_has_waited_may_ask() {
    let mut proxy = start("{}");
    let waiting = ask(&mut proxy, "/wait");
    proxy.tick();
    assert!(waiting.waits(), "for its answer now");
    proxy.tick();
    assert_eq!(proxy.calls().len(), 1, "it asks once");
    proxy.answer(token(&proxy), 200, &[], b"");
    assert_eq!(waiting.finish().upstream("x-answer"), ["true 200 [] -"]);

    let waiting = ask(&mut proxy, "/wait");
    proxy.forget_cluster("limits");
    proxy.tick();
    assert_eq!(waiting.finish().upstream("x-answer"), ["true NotSent"], "it is decided at once");
}

#[test]
fn a_host_call_that_fails_ends_the_request_closed() {
    for (function, path, reason) in [
        ("replace_header", "/ask", "not_written"),
        ("set_property", "/ask", "not_written"),
        ("random_get", "/random", "no_clock_or_randomness"),
        ("continue_stream", "/ask", "not_resumed"),
    ] {
        let mut proxy = start("{}");
        let paused = ask(&mut proxy, path);
        proxy.fail(function);
        proxy.answer(token(&proxy), 200, &[], b"");
        proxy.heal();
        assert_eq!(details(paused.finish()), (500, format!("tollgate.asker.{reason}")), "{function}");
    }
    // Of a stream that the host does not know nothing can be decided.
    let mut proxy = start("{}");
    let paused = ask(&mut proxy, "/ask");
    proxy.fail("set_effective_context");
    proxy.answer(token(&proxy), 200, &[], b"");
    assert!(paused.waits());
    assert_eq!(metric(&proxy, "answered"), 0);
    paused.leave();
}

#[test]
fn asking_needs_no_other_callback() {
    let mut proxy = Proxy::start::<AskerPlugin<false>>("{}").unwrap();
    let paused = ask(&mut proxy, "/ask");
    proxy.answer(token(&proxy), 200, &[], b"");
    assert_eq!(paused.finish().upstream("x-answer"), ["true 200 [] -"]);
    let waiting = proxy.request(&[(":path", "/wait")]).send();
    assert_eq!(details(waiting).1, "tollgate.asker.cannot_wait");
    assert_eq!(metric(&proxy, "ended"), 0);
}
