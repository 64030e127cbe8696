// Keys and tokens of the specifications: RFC 7515, appendix A, and RFC 8037, appendix A.
#pragma once

#include <cstdint>
#include <string>

namespace zcomet::auth::vectors {

/// The payload of RFC 7515: it has "iss":"joe" and "exp":1300819380.
inline const std::string kPayload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leG"
                                    "FtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
inline constexpr std::int64_t kExpires = 1'300'819'380;

/// A.1
inline const std::string kHs256Key =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";
inline const std::string kHs256Token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + kPayload +
                                       ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A.2
inline const std::string kRs256Modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4"
    "QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb"
    "BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-D"
    "WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
inline const std::string kRs256Key = R"({"kty":"RSA","n":")" + kRs256Modulus + R"(","e":"AQAB"})";
inline const std::string kRs256Token =
    "eyJhbGciOiJSUzI1NiJ9." + kPayload +
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
    "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
    "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// A.3
inline const std::string kEs256Key =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
inline const std::string kEs256Token =
    "eyJhbGciOiJFUzI1NiJ9." + kPayload +
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 8037, A.2 and A.4; the payload is no JSON.
inline const std::string kEdDsaKey =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
inline const std::string kEdDsaText = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
inline const std::string kEdDsaToken =
    kEdDsaText +
    ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// Made for these tests.
inline const std::string kSecret = "a secret of thirty-two bytes, it is";
inline const std::string kEd25519Pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIDQcVcW919JveGW9wCZRVxEtFRuMNZtuHnfQDmZkqU2U\n"
    "-----END PRIVATE KEY-----\n";
inline const std::string kP256Pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4ndn6y9/IziiMyLl\n"
    "/ehf5WyvDSo/RaX2FnjrJ/zAR3WhRANCAAT5ehiQ3ZE1L46C702ox2MxWcBWxqkw\n"
    "BETnkhXdCppx+SfQqVzgQpj7A4azvV9d1+S2pxn05xASkOUUKTMrgGBU\n"
    "-----END PRIVATE KEY-----\n";
inline const std::string kP384Pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDD0gfAfMoz43B4+u/EA\n"
    "5PfoHceQdrMBQbZ3GOdWA/TecM83BEVSCs+lCea7Qf/nvwahZANiAASNbMjrFCT8\n"
    "eKGCA3f0rXdVlDldJd/AYBy8YN6B//LEwE1aXMVJNVL/Pwjm5Cqd5xj/quzrNnkr\n"
    "Sac/V3vz3G6sQvb0MWo5IqXLwr8eazrwbqXJqCTmKBEJxWv7JdvITlw=\n"
    "-----END PRIVATE KEY-----\n";
inline const std::string kRsa1024Pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7cWtqK79FUrXZ2ATv3S/F5KSv\n"
    "FlGsohiXpLv/tJqZy1Xtvzv/Tg2Teq9lnyJ89JnQTLJpwlHGlG6eMmWjLtkwuFqd\n"
    "e1q4+0Gbd6s7g1QOzN2vP4NXHtsSEW3NG1zObUmmlPvu7w7y/WpMDGyFl89Dl0IA\n"
    "/MFtvLpEIqEB/UnHwwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

} // namespace zcomet::auth::vectors
