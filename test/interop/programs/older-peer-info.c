/*
 * Preloaded into a stock openvpn client, this makes it announce the capabilities of an older one: the number after
 * IV_PROTO= in its peer information becomes that of the environment variable OLDER_IV_PROTO, padded with zeros to the
 * same length. With OLDER_SILENT=1 it announces no ciphers either, as clients before 2.4 did: IV_NCP= and IV_CIPHERS= get
 * other names. There is no option for it, and the binary stays as the distribution ships it. Everything that the
 * client then does follows from what the server pushes: without the key-export bit both sides derive with the PRF.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*write_fn)(void *bio, const void *data, int length);

static void rename_variable(char *bytes, int length, const char *name)
{
    char *found = memmem(bytes, length, name, strlen(name));
    if (found)
        *found = 'X';
}

int BIO_write(void *bio, const void *data, int length)
{
    static write_fn next;
    const char *wanted = getenv("OLDER_IV_PROTO");
    if (!next)
        next = (write_fn)dlsym(RTLD_NEXT, "BIO_write");
    char *name = length > 0 && wanted ? memmem(data, length, "IV_PROTO=", 9) : NULL;
    if (!name)
        return next(bio, data, length);

    char *copy = malloc(length);
    if (!copy)
        abort();
    memcpy(copy, data, length);
    char *digits = copy + (name - (const char *)data) + 9;
    size_t count = 0;
    while (digits + count < copy + length && digits[count] >= '0' && digits[count] <= '9')
        count++;
    char text[32];
    snprintf(text, sizeof text, "%0*d", (int)count, atoi(wanted));
    if (strlen(text) == count)
        memcpy(digits, text, count);
    if (getenv("OLDER_SILENT")) {
        rename_variable(copy, length, "IV_NCP=");
        rename_variable(copy, length, "IV_CIPHERS=");
    }
    int result = next(bio, copy, length);
    free(copy);
    return result;
}
