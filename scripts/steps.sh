# Sourced by the set-up scripts: steps that are done once, whose failure is reported with its cause.
# A script sets ``state``, the folder that remembers the steps which are done, and ``steps``, how many there are.

log=.set-up.log

fail() {
    printf '\nSet-up stopped: %s\n' "$1" >&2
    exit 1
}

# Which sentence is true of what the failing tool printed: the first that fits.
cause() {
    # On a full disk there is no room for what the tool said about it either.
    if grep -qiE 'no space left|disk quota|ENOSPC' "$log" || { [ ! -s "$log" ] && ! echo . >"$log"; } 2>/dev/null; then
        echo "The disk is full. Free some space, then run the command again: it goes on from here."
    elif grep -qiE 'invalid peer certificate|unknownissuer|certificate.verify.failed|self.signed certificate|unable to (get|verify)' "$log"; then
        echo "A registry's TLS certificate is not trusted. Add your company's root certificate to the machine's, or name a file with it in SSL_CERT_FILE, PIP_CERT and NODE_EXTRA_CA_CERTS; then run the command again."
    elif grep -qiE 'hash mismatch|do not match the hashes|EINTEGRITY' "$log"; then
        echo "A registry has other files than the lock files pin. Use registries that mirror PyPI and npm unchanged."
    elif grep -qiE 'permission denied|read-only file system|EACCES|EROFS' "$log"; then
        echo "A folder cannot be written by this user; the lines above name it. Give it to this user, or set XDG_CACHE_HOME to a folder that can be written."
    elif grep -qiE 'failed to fetch|error sending request|could not connect|connection|(operation|request|read) timed out|(read|connect)timeout|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ECONN|network|name resolution|from versions: none|proxy|package index' "$log"; then
        echo "A package registry could not be reached, or refused. Check the network and the proxy settings, then run the command again: it goes on from here."
    else
        echo "The lines above are the tool's own. Mend what they name, then run the command again: it goes on from here."
    fi
}

# step <number> <name> <command…>: run it once, with its output kept; show how long it took, or its last lines.
step() {
    number=$1 name=$2
    shift 2
    if [ -e "$state/$number" ]; then
        echo "  [$number/$steps] $name: done before"
        return
    fi
    printf '  [%s/%s] %s …' "$number" "$steps" "$name"
    began=$(date +%s)
    if ! "$@" >"$log" 2>&1 </dev/null; then
        printf ' failed. It printed last:\n\n' >&2
        grep -v '^$' "$log" | tail -n 12 | cut -c 1-400 | sed 's/^/    /; s#://[^/@ ]*@#://****@#g' >&2
        fail "$(cause)"
    fi
    mkdir -p "$state"
    touch "$state/$number"
    rm -f "$log"
    echo " $(($(date +%s) - began)) s"
}

# As for the function's asset (bundling/settings.py): of pip's and uv's own settings only where from, and through what.
drop_settings() {
    for name in $(env | sed -n 's/^\(\(PIP\|UV\)_[A-Za-z0-9_]*\)=.*/\1/p'); do
        case $name in
        UV_DEFAULT_INDEX | UV_INDEX | UV_INDEX_* | UV_EXTRA_INDEX_URL | UV_FIND_LINKS | UV_NO_INDEX) ;;
        UV_KEYRING_PROVIDER | UV_INSECURE_HOST | UV_HTTP_* | UV_REQUEST_TIMEOUT | UV_OFFLINE | UV_CACHE_DIR | UV_NO_CACHE) ;;
        PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX | PIP_TRUSTED_HOST | PIP_KEYRING_PROVIDER) ;;
        PIP_PROXY | PIP_CERT | PIP_CLIENT_CERT | PIP_*TIMEOUT | PIP_RETRIES | PIP_*CACHE_DIR | PIP_CONFIG_FILE) ;;
        *) unset "$name" ;;
        esac
    done
    unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
}

# A company's proxy has a certificate that the machine trusts; uv, Node.js and older pips by themselves do not.
trust_the_machine() {
    export UV_SYSTEM_CERTS=1 NODE_USE_SYSTEM_CA=1
    [ -z "${PIP_CERT:-}" ] || return 0
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -n "$file" ] && [ -r "$file" ]; then
            export PIP_CERT="$file"
            return
        fi
    done
}
