#ifndef VISEN_CMARKDOWN_H
#define VISEN_CMARKDOWN_H

#include <md4c.h>

/// What models write: tables, strike-through, task lists and bare links; raw HTML stays text.
static const unsigned visen_markdown_flags =
    MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS | MD_FLAG_NOHTMLBLOCKS |
    MD_FLAG_NOHTMLSPANS | MD_FLAG_PERMISSIVEURLAUTOLINKS;

#endif
