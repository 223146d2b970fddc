//! `cookies`.

use e2e::Request;

use crate::support::case;

#[test]
fn what_a_cookie_lacks_is_added_and_what_it_has_stays() {
    let request = Request::get("/")
        .answered_with("set-cookie", "a=1")
        .answered_with(
            "set-cookie",
            "b=2; expires=Wed, 21 Oct 2026 07:28:00 GMT; PATH=/x; samesite=None; secure; Priority=High",
        )
        .answered_with("set-cookie", "XSRF-TOKEN=3")
        .answered_with("set-cookie", "__Host-s=4; Path=/; Secure");
    let config = "cookies: {secure: true, httpOnly: true, sameSite: Lax, path: /app, except: [XSRF-TOKEN]}";
    let case = case(config, &request);
    assert_eq!(
        case.got.headers.all("set-cookie"),
        [
            "a=1; Secure; HttpOnly; SameSite=Lax; Path=/app",
            "b=2; expires=Wed, 21 Oct 2026 07:28:00 GMT; PATH=/x; samesite=None; secure; Priority=High; HttpOnly",
            "XSRF-TOKEN=3",
            "__Host-s=4; Path=/; Secure; HttpOnly; SameSite=Lax",
        ]
    );
}
