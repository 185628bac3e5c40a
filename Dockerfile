# The image of tidegate: one program, the certificates that it trusts, and nothing else.
#
#   docker build --tag tidegate .                              compiles it from this folder
#   docker build --target prebuilt --tag tidegate FOLDER       takes FOLDER/dist: a finished tidegate, with what it needs

FROM scratch AS prebuilt
COPY dist/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENTRYPOINT ["/tidegate"]

# musl, so that the program is static as it is.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package tidegate --bin tidegate \
    && strip --strip-all -o /tidegate target/release/tidegate

FROM scratch
COPY --from=build /tidegate /tidegate
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENTRYPOINT ["/tidegate"]
