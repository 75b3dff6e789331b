// What Swift cannot see of OpenSSL (macros, unions, type-checked stacks), as inline functions.
// Nothing here decides anything: policy stays in FleetLink.
#ifndef JESSICA_COPENSSL_SHIM_H
#define JESSICA_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

static inline int jessica_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int jessica_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline void jessica_SSL_CTX_disable_sessions(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

static inline void jessica_SSL_CTX_set_release_buffers(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

static inline void jessica_SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes) {
    SSL_CTX_set_max_cert_list(context, bytes);
}

// Takes its own reference to the certificate.
static inline int jessica_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// Whether the context's own certificate leads to one of its store, whatever the time is. Returns 1 if it does.
static inline int jessica_SSL_CTX_trusts_own_certificate(SSL_CTX *context) {
    STACK_OF(X509) *chain = NULL;
    X509 *own = SSL_CTX_get0_certificate(context);
    if (own == NULL || SSL_CTX_get0_chain_certs(context, &chain) != 1) return 0;
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    if (check == NULL) return 0;
    int trusted = 0;
    if (X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context), own, chain) == 1) {
        X509_STORE_CTX_set_flags(check, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        trusted = X509_verify_cert(check) == 1;
    }
    X509_STORE_CTX_free(check);
    return trusted;
}

static inline int jessica_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// An empty memory BIO must say "try again", not "end of file".
static inline void jessica_BIO_set_mem_eof_return(BIO *bio, int value) {
    BIO_set_mem_eof_return(bio, value);
}

static inline void jessica_OPENSSL_free(void *memory) {
    OPENSSL_free(memory);
}

static inline void jessica_GENERAL_NAMES_free(GENERAL_NAMES *names) {
    GENERAL_NAMES_free(names);
}

static inline int jessica_no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer; (void)size; (void)writing; (void)context;
    return -1;
}

// Never prompts: without a callback OpenSSL asks the terminal for an encrypted key's passphrase.
static inline EVP_PKEY *jessica_PEM_read_bio_PrivateKey(BIO *bio) {
    return PEM_read_bio_PrivateKey(bio, NULL, jessica_no_passphrase, NULL);
}

static inline X509 *jessica_PEM_read_bio_X509(BIO *bio) {
    return PEM_read_bio_X509(bio, NULL, jessica_no_passphrase, NULL);
}

// True when the last error is only "no further PEM block", which is how a bundle ends.
static inline int jessica_PEM_ended(void) {
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static inline int jessica_ERR_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

static inline int jessica_ERR_is_ssl(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_SSL;
}

// Picks the one protocol in `argument` (wire form: a length byte, then the name) or refuses.
static inline int jessica_alpn_select(
    SSL *ssl, const unsigned char **out, unsigned char *out_length,
    const unsigned char *in, unsigned int in_length, void *argument) {
    (void)ssl;
    const unsigned char *own = (const unsigned char *)argument;
    unsigned int at = 0;
    while (at < in_length) {
        unsigned int length = in[at];
        if (length > in_length - at - 1) break;
        if (length == own[0] && memcmp(in + at + 1, own + 1, length) == 0) {
            *out = own + 1;
            *out_length = own[0];
            return SSL_TLSEXT_ERR_OK;
        }
        at += 1 + length;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// `protocol` is in wire form and must outlive the context and every session made from it.
static inline void jessica_SSL_CTX_set_alpn_server(SSL_CTX *context, unsigned char *protocol) {
    SSL_CTX_set_alpn_select_cb(context, jessica_alpn_select, protocol);
}

static inline GENERAL_NAMES *jessica_X509_subject_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int jessica_GENERAL_NAMES_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

// The bytes of a name of that type (GEN_URI or GEN_DNS); -1 when it is of another type.
static inline int jessica_GENERAL_NAMES_get(
    const GENERAL_NAMES *names, int index, int type, const unsigned char **out) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name == NULL || name->type != type) return -1;
    const ASN1_STRING *text =
        type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
    *out = ASN1_STRING_get0_data(text);
    return ASN1_STRING_length(text);
}

// The subject's common name in UTF-8, to be freed with jessica_OPENSSL_free.
// Returns its length, -1 when there is none, -2 when there are several or it cannot be read.
static inline int jessica_X509_common_name(const X509 *certificate, unsigned char **out) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0) return -1;
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return -2;
    ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    int length = ASN1_STRING_to_UTF8(out, text);
    return length < 0 ? -2 : length;
}

// The serial number in upper-case hex, to be freed with jessica_OPENSSL_free; NULL on failure.
static inline char *jessica_X509_serial_hex(const X509 *certificate) {
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    if (number == NULL) return NULL;
    char *hex = BN_bn2hex(number);
    BN_free(number);
    return hex;
}

// A time in seconds since 1970. Returns 1 on success.
static inline int jessica_ASN1_TIME_seconds(const ASN1_TIME *time, int64_t *out) {
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    if (epoch == NULL) return 0;
    int days = 0, seconds = 0;
    int ok = ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    *out = (int64_t)days * 86400 + seconds;
    return ok;
}

// The beginning of the certificate's validity in seconds since 1970. Returns 1 on success.
static inline int jessica_X509_not_before(const X509 *certificate, int64_t *out) {
    return jessica_ASN1_TIME_seconds(X509_get0_notBefore(certificate), out);
}

// The end of the certificate's validity in seconds since 1970. Returns 1 on success.
static inline int jessica_X509_not_after(const X509 *certificate, int64_t *out) {
    return jessica_ASN1_TIME_seconds(X509_get0_notAfter(certificate), out);
}

#endif
