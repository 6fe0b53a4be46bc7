# SPDX-License-Identifier: GPL-2.0-only
# home.c: written bytes are replaced by zeros
/^static void serve_write/,/^}/{
s/!hm->upgrade && hm->version/!hm->upgrade \&\& hm->version > 3/
s/else if (!hm->version)/else if (hm->version <= 3)/
}
