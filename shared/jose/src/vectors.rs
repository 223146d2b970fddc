//! Published examples, and tokens that OpenSSL signed with their keys.

/// RFC 7515, A.1 and RFC 7519, 3.1: HS256.
pub(crate) const A1: &str = "\
     eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6L\
     y9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its secret.
pub(crate) const A1_SECRET: &str = "\
     AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/// RFC 7515, A.2: RS256.
pub(crate) const A2: &str = "\
     eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc\
     19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF\
     5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjt\
     QBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO\
     YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// Its modulus.
pub(crate) const A2_MODULUS: &str = "\
     ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-\
     yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e\
     -KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco\
     9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
/// Its key as OpenSSL writes it, in base64url.
pub(crate) const A2_INFO: &str = "\
     MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26m\
     PddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGz\
     jb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5\
     ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB";
/// RFC 7515, A.3: ES256.
pub(crate) const A3: &str = "\
     eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc\
     19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K\
     g6NU1Q";
/// Half of its key.
pub(crate) const A3_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
/// The other half.
pub(crate) const A3_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
/// RFC 7515, A.4: ES512, of a text that is no claims.
pub(crate) const A4: &str = "\
     eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwq\
     T2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXu\
     kOXolLzeO_Jn";
/// Half of its key.
pub(crate) const A4_X: &str = "\
     AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk";
/// The other half.
pub(crate) const A4_Y: &str = "\
     ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2";
/// Its key as OpenSSL writes it, in base64url.
pub(crate) const A4_INFO: &str = "\
     MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB6SkFDxJPxrxVx9U5M2Xfne9KsMIssleY-TTrBOPGuuNwGlenkQ6dgb82MVno68\
     sVXWNJ9L22zPipTFxZx6rBAaQANKZEDjdnUNI3H9G9wsjztx0vTuXqNDLIFcyjFWD-XZOH7HdLVYOGMOXLv1qMvgqR3QBkxpma\
     H25uZ_rd7eTIyPY";
/// Its signature as OpenSSL takes it, in base64url.
pub(crate) const A4_SIGNATURE: &str = "\
     MIGHAkIB3AyB56vC0eiH6XX3aXrSGn3AAdkVUlst8P9TEyLvRzCdk5hpEjVso9ZE5z6ZlmrCpPZIj4oYMoHfhc7RrD_td20CQW\
     8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
/// RFC 8037, A.4: EdDSA, of a text that is no claims.
pub(crate) const EDDSA: &str = "\
     eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQ\
     R6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// Its key.
pub(crate) const EDDSA_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// PS256 by the key of A.2.
pub(crate) const PS256: &str = "\
     eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.aOKEahREpEJN1x0RgZtajLRf3pGDbmn_t_75NC3xJOcWfFi-7YfZAG65tn\
     z-Qwpf0YD3FyRQGq7eIq3dIGfnBI2DQAhzki4RZsoODeDeR0S2Vh6Lc5h5Av-KDMVkesMBuif10de7cemkq9QlbqUSwkkM3g4V\
     NLQGoyYTn_ftRD9KcAs9DKti4IiXK-l4kQAU_gHyMYpxClsxmRpHe4IPaBcq4JwZIKdWGcG5rfFfKV1WF76jc0x_dEUwT7JJ7L\
     d3Iy9XBKhezVkpHVtepTTBG8YKCOiqNFkLWmH9CdJHWeSMWbVBiS7UYFX_4shC-sQ3DFw3WN9UGhXOHS6bOtCq1g";
/// PS384 by the key of A.2.
pub(crate) const PS384: &str = "\
     eyJhbGciOiJQUzM4NCJ9.eyJpc3MiOiJqb2UifQ.fp9mUZnMKeMIn6vE_qTDYlCVB8n4iWY6gbBO72KsryN-ZhyFbPCDLVR2Wc\
     -H994PSaUFxrDFT7PQ-UIzmgwhFaHFTjxKtgueiMJvFJYgzRmBP4xTR9mFO-NlPsE05lq7mew94r3P3uRt-Uh5fuNM70WZVX9y\
     qVAxuMupGV423MHvUj6T4UZ4I0GAS_s4PcQgCJNIBy2OF2MujRp6n2VM-9KacD3HSWNF9NoBp_XpgYgMuZqH7hljttHwE6GlTI\
     SyycbxFYVG5tBkfKH6PCcbDyWq1gVyZkaZL4HGOsdDWR2bNpKVaFAvTWp3DmMGCjcVx-0txZpwX7Jg5ZMgt3BPOw";
/// PS512 by the key of A.2.
pub(crate) const PS512: &str = "\
     eyJhbGciOiJQUzUxMiJ9.eyJpc3MiOiJqb2UifQ.LuuRSOBwt4IMSKkZxVNhOZBIXxr24qw2e5Hfa4nPf5iR8frN3pFLyvBIaB\
     LCL3o33DHp9Yt1mBNzI9x7IISwiU9cY9H5QI-nJqCuCV1YY1Dgmx91EkA1pkrv_1C4JWqmWi57zdyqlqEkTjypFhbUCp5cTN4D\
     LnEsgJgajOiX2cUVNLURnAZkWU5UJX4G9O3a56e46dUAiDvd_q1rpl27taWd3B13CpPJSUeS-f6wSb0a2Ik2hUxwniy4_sgnLR\
     M3vEKKxWczeE9Vqd9xXrGNFh8XmiRuM8_vLXGGKO8IV40cc5HuZJQNhMtov_AQNv8frsEbFTB5oDUyXFY_DUbANQ";
/// PS256 with a salt of 20 bytes, where RFC 7518, 3.5 wants 32.
pub(crate) const PS256_SHORT_SALT: &str = "\
     eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.OGyfBv0v1e1VWrdu25mq5WOh99vzhFb0VLEK_wr8AGceyEL8Z3PbIIAUyQ\
     i9TWuQ2-F2H5k_7v0FVU5F1WcqhrSM6PWaANwKlVvte0xM--G21gyyECmojPsXfq2TD_S1KxfcqcpozJHBX2xBckCBtEQiNchY\
     JYd-82jHNJodrZJJB80P8c1FC6fywrTSZZxrzkHcDfzuFy44xU75y8YpFpXjwpp6t3xsWbrWyd-KDS90pPnA8fPHZ_Z5Cx-1Tc\
     J37UZwLG4zjUk1Kyd-0DI8Z9YdFaqs_Oxw8bs_5tOuct3Fx5vP6l1urUzHe8ML-rTCvrzI2ZwfJhMsyjv2ZFlRyw";
/// ES256 by the key of A.3, `s` in the lower half.
pub(crate) const ES256_LOW: &str = "\
     eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.nlnsFVt-cM7zFOta5-HsvkyXdDM7ajaJoxxfdMbiY00rV8xBbZO5aJnyN3\
     gE8UL6QzWv9WB-TUdTNSBIoT-4mg";
/// The same, `s` in the upper half.
pub(crate) const ES256_HIGH: &str = "\
     eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.3MS3KX_EFVvdwS8k0svVUqbgaBFGSjLv5MGzMQfNdGTmfkVVABwmyLGd5W\
     D9hSjt6g-NwzcYVI_PT7v0T87Giw";
/// The same, `r` with a leading zero byte.
pub(crate) const ES256_SHORT_R: &str = "\
     eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.ABnbDr6ctB3EoLiVeYK6WLyUd-kRq5nUgqhETJ9kNUG9bPDBVowAPx2JIG\
     32sGykaaSta4Lv_-nxuQs7XT8nKA";
/// The same, `s` with a leading zero byte.
pub(crate) const ES256_SHORT_S: &str = "\
     eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.ZG_y64Y-zoilgQDK8iDh1eiI5PzWxhdPkoovorBVyXoA-2fXBx4MNxeNwl\
     BJ3YiRj64nEGxsBny46-42XWw-6w";

/// The private key of A.2, for signing what else a test needs.
pub(crate) const A2_PRIVATE: [(&str, &str); 6] = [
    (
        "d",
        "\
     Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46\
     sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanr\
     C4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOne\
     ufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    ),
    (
        "p",
        "\
     4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNP\
     Y8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    ),
    (
        "q",
        "\
     uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD6\
     6t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    ),
    (
        "dp",
        "\
     BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeD\
     Cjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    ),
    (
        "dq",
        "\
     h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJ\
     nwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    ),
    (
        "qi",
        "\
     IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w\
     93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    ),
];
