#define _GNU_SOURCE
#include "editor.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

// Keys that nobody can type: events of the pump, bound to functions of ours. They are single
// characters, because a sequence that begins with ESC would keep vi mode from leaving insert mode.
enum {
  KEY_FIRST = 0x81,
  KEY_PASTE = 0x81,
  KEY_ERASE,
  KEY_RESIZE,
  KEY_LIST,
  KEY_ACCEPT,
  KEY_SEARCH,
  KEY_STOP,
  KEY_UP,
  KEY_DOWN,
  KEY_RIGHT,
  KEY_LEFT,
  KEY_HOME,
  KEY_END,
  KEY_DELETE,
  KEY_WORD_LEFT,
  KEY_WORD_RIGHT,
  KEY_NEWLINE,
  KEY_LAST = 0x9F,
};

#define QUEUE_SIZE 64

struct visen_editor {
  EditLine *el;
  editor_callbacks callbacks;
  int faint_suggestions;
  int wake_read, wake_write;

  wchar_t *prompt;
  wchar_t *shown_prompt;  // What libedit draws: the prompt, a search, or nothing.

  wchar_t **history;
  size_t history_count, history_capacity;
  int has_history;
  size_t place;      // Where Up and Down are; history_count is the line being typed.
  wchar_t *draft;    // The line being typed, while an older one is shown.
  wchar_t *prefix;   // What stood before the cursor at the first Up.

  int searching;
  wchar_t query[256];
  size_t query_length;
  size_t found;

  wchar_t *pasted;
  wint_t queue[QUEUE_SIZE];
  int queue_start, queue_end;
  int was_tab, listing_count;
  char *list;

  int interrupted, stopped, accepted, ended;
  pthread_mutex_t lock;
  char *above;       // Guarded by `lock`: what is to be printed above the line.
  int stop_asked;    // Guarded by `lock`.
  int phase;         // 0 typing, 1 the line is being erased, 2 it is to be restored.
  wchar_t *stashed;
  size_t stashed_cursor;
};

static struct termios first_terminal;
static int has_first_terminal = 0;
static int wake_for_resize = -1;

// MARK: - Text

static wchar_t *to_wide(const char *text) {
  size_t count = mbstowcs(NULL, text, 0);
  if (count == (size_t)-1) {
    // Bytes that are no text in this locale become question marks rather than nothing.
    count = strlen(text);
    wchar_t *wide = calloc(count + 1, sizeof(wchar_t));
    for (size_t i = 0; wide && i < count; i++) wide[i] = (unsigned char)text[i] < 0x80 ? text[i] : L'?';
    return wide;
  }
  wchar_t *wide = calloc(count + 1, sizeof(wchar_t));
  if (wide) mbstowcs(wide, text, count + 1);
  return wide;
}

static char *to_utf8(const wchar_t *text, size_t count) {
  char *out = malloc(count * MB_CUR_MAX + 1);
  if (!out) return NULL;
  size_t length = 0;
  mbstate_t state = {0};
  for (size_t i = 0; i < count; i++) {
    size_t n = wcrtomb(out + length, text[i], &state);
    if (n != (size_t)-1) length += n;
  }
  out[length] = 0;
  return out;
}

static int width_of(const wchar_t *text, size_t count) {
  int width = 0;
  for (size_t i = 0; i < count; i++) {
    int w = wcwidth(text[i]);
    width += w > 0 ? w : 0;
  }
  return width;
}

static int screen_columns(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void put(const char *text) {
  fputs(text, stdout);
  fflush(stdout);
}

static void put_wide(const wchar_t *text, size_t count) {
  char *bytes = to_utf8(text, count);
  if (bytes) fputs(bytes, stdout);
  free(bytes);
}

// MARK: - The buffer

static visen_editor *self(EditLine *el) {
  visen_editor *e = NULL;
  el_wget(el, EL_CLIENTDATA, &e);
  return e;
}

static LineInfoW *line_of(visen_editor *e) { return (LineInfoW *)el_wline(e->el); }

static size_t length_of(visen_editor *e) {
  const LineInfoW *line = line_of(e);
  return (size_t)(line->lastchar - line->buffer);
}

static size_t cursor_of(visen_editor *e) {
  const LineInfoW *line = line_of(e);
  return (size_t)(line->cursor - line->buffer);
}

static void move_to(visen_editor *e, size_t place) {
  LineInfoW *line = line_of(e);
  size_t length = (size_t)(line->lastchar - line->buffer);
  line->cursor = line->buffer + (place < length ? place : length);
}

static wchar_t *copy_line(visen_editor *e, size_t from, size_t to) {
  const LineInfoW *line = line_of(e);
  wchar_t *copy = calloc(to - from + 1, sizeof(wchar_t));
  if (copy) wmemcpy(copy, line->buffer + from, to - from);
  return copy;
}

static char *line_utf8(visen_editor *e) {
  const LineInfoW *line = line_of(e);
  return to_utf8(line->buffer, (size_t)(line->lastchar - line->buffer));
}

static void replace_line(visen_editor *e, const wchar_t *text, size_t cursor) {
  size_t length = length_of(e);
  move_to(e, length);
  if (length > 0) el_wdeletestr(e->el, (int)length);
  if (text && *text) el_winsertstr(e->el, text);
  move_to(e, cursor);
}

static void push_key(visen_editor *e, wint_t key) {
  int next = (e->queue_end + 1) % QUEUE_SIZE;
  if (next == e->queue_start) return;
  e->queue[e->queue_end] = key;
  e->queue_end = next;
}

static wchar_t *prompt_function(EditLine *el) {
  visen_editor *e = self(el);
  return e && e->shown_prompt ? e->shown_prompt : L"";
}

static void show_prompt(visen_editor *e, const wchar_t *text) {
  wchar_t *copy = wcsdup(text);
  if (!copy) return;
  free(e->shown_prompt);
  e->shown_prompt = copy;
}

// MARK: - Reading keys

static int read_byte(int wait_milliseconds) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  if (wait_milliseconds >= 0 && poll(&input, 1, wait_milliseconds) <= 0) return -1;
  unsigned char byte;
  ssize_t count = read(STDIN_FILENO, &byte, 1);
  return count == 1 ? byte : -1;
}

// One character of the terminal; bytes that are no text are dropped.
static int read_character(visen_editor *e, wchar_t *out, int first) {
  (void)e;
  unsigned char bytes[8];
  int length = 0, need = 1;
  bytes[length++] = (unsigned char)first;
  if (first >= 0xF0) need = 4;
  else if (first >= 0xE0) need = 3;
  else if (first >= 0xC0) need = 2;
  while (length < need) {
    int next = read_byte(200);
    if (next < 0 || (next & 0xC0) != 0x80) return 0;
    bytes[length++] = (unsigned char)next;
  }
  mbstate_t state = {0};
  wchar_t wide;
  size_t n = mbrtowc(&wide, (const char *)bytes, (size_t)length, &state);
  if (n == (size_t)-1 || n == (size_t)-2 || n == 0) return first == 0 ? 0 : 0;
  if (wide >= KEY_FIRST && wide <= KEY_LAST) return 0;
  *out = wide;
  return 1;
}

// What a terminal pastes: up to its end mark, line ends made one kind, controls left out.
static void read_paste(visen_editor *e) {
  size_t capacity = 4096, length = 0;
  char *bytes = malloc(capacity);
  const char *end = "\033[201~";
  size_t end_length = strlen(end);
  while (bytes) {
    int byte = read_byte(2000);
    if (byte < 0) break;
    if (length + 1 >= capacity) {
      if (capacity > (64u << 20)) break;
      char *more = realloc(bytes, capacity *= 2);
      if (!more) break;
      bytes = more;
    }
    bytes[length++] = (char)byte;
    if (length >= end_length && memcmp(bytes + length - end_length, end, end_length) == 0) {
      length -= end_length;
      break;
    }
  }
  if (!bytes) return;
  size_t kept = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte == '\r') {
      if (i + 1 < length && bytes[i + 1] == '\n') i++;
      bytes[kept++] = '\n';
    } else if (byte == '\n') {
      if (i + 1 < length && bytes[i + 1] == '\r') i++;
      bytes[kept++] = '\n';
    } else if (byte == '\t') {
      bytes[kept++] = ' ';
    } else if (byte >= 0x20 && byte != 0x7F) {
      bytes[kept++] = (char)byte;
    }
  }
  while (kept > 0 && bytes[kept - 1] == '\n') kept--;
  bytes[kept] = 0;
  wchar_t *wide = to_wide(bytes);
  free(bytes);
  if (!wide) return;
  // Pasted prompts go: a line that begins with what our prompt says.
  size_t prompt_length = e->prompt ? wcslen(e->prompt) : 0;
  wchar_t *out = wide, *in = wide;
  int line_start = 1;
  while (*in) {
    if (line_start && prompt_length > 2) {
      if (wcsncmp(in, e->prompt, prompt_length) == 0) in += prompt_length;
      else if (wcsncmp(in, L"visen> ", 7) == 0) in += 7;
      if (!*in) break;
    }
    line_start = *in == L'\n';
    if (!(*in >= 0x80 && *in <= 0x9F)) *out++ = *in;
    in++;
  }
  *out = 0;
  free(e->pasted);
  e->pasted = wide;
}

// After ESC: a key of ours for what we know, nothing for what we do not; 0 for a lone ESC.
static int read_escape(visen_editor *e, wchar_t *out) {
  int byte = read_byte(30);
  if (byte < 0) {
    *out = 27;
    return 1;
  }
  if (byte == '\r' || byte == '\n') {
    *out = KEY_NEWLINE;
    return 1;
  }
  if (byte != '[' && byte != 'O') {
    wchar_t next;
    if (byte < 0x80) next = byte;
    else if (!read_character(e, &next, byte)) return 0;
    push_key(e, (wint_t)next);
    *out = 27;
    return 1;
  }
  char sequence[32];
  size_t length = 0;
  int final = -1;
  while (length < sizeof sequence - 1) {
    int next = read_byte(30);
    if (next < 0) break;
    if (next >= 0x40 && next <= 0x7E) {
      final = next;
      break;
    }
    sequence[length++] = (char)next;
  }
  sequence[length] = 0;
  int has_modifier = strcmp(sequence, "1;5") == 0 || strcmp(sequence, "1;3") == 0 ||
                     strcmp(sequence, "5") == 0;
  switch (final) {
    case 'A': *out = KEY_UP; return 1;
    case 'B': *out = KEY_DOWN; return 1;
    case 'C': *out = has_modifier ? KEY_WORD_RIGHT : KEY_RIGHT; return 1;
    case 'D': *out = has_modifier ? KEY_WORD_LEFT : KEY_LEFT; return 1;
    case 'H': *out = KEY_HOME; return 1;
    case 'F': *out = KEY_END; return 1;
    case 'M': *out = '\n'; return 1;
    case '~':
      if (strcmp(sequence, "200") == 0) {
        read_paste(e);
        *out = KEY_PASTE;
        return 1;
      }
      if (strcmp(sequence, "3") == 0) { *out = KEY_DELETE; return 1; }
      if (strcmp(sequence, "1") == 0 || strcmp(sequence, "7") == 0) { *out = KEY_HOME; return 1; }
      if (strcmp(sequence, "4") == 0 || strcmp(sequence, "8") == 0) { *out = KEY_END; return 1; }
      return 0;
    default: return 0;
  }
}

// MARK: - Suggestions

static const wchar_t *suggestion(visen_editor *e, const wchar_t *text, size_t length) {
  if (!e->has_history || length == 0) return NULL;
  for (size_t i = e->history_count; i > 0; i--) {
    const wchar_t *entry = e->history[i - 1];
    if (wcsncmp(entry, text, length) == 0 && entry[length] && !wcschr(entry, L'\n')) {
      return entry + length;
    }
  }
  return NULL;
}

// Draws the rest of the likeliest statement faintly behind the cursor; libedit does not know of it.
static void draw_suggestion(visen_editor *e) {
  if (!e->faint_suggestions || e->searching || e->phase != 0) return;
  const LineInfoW *line = line_of(e);
  size_t length = (size_t)(line->lastchar - line->buffer);
  if (line->cursor != line->lastchar || wmemchr(line->buffer, L'\n', length)) return;
  int columns = screen_columns();
  int column = width_of(e->shown_prompt, wcslen(e->shown_prompt)) + width_of(line->buffer, length);
  if (column >= columns - 1) return;
  const wchar_t *rest = suggestion(e, line->buffer, length);
  if (!rest) {
    fputs("\033[K", stdout);
    fflush(stdout);
    return;
  }
  size_t count = 0;
  int width = 0;
  while (rest[count]) {
    int next = wcwidth(rest[count]);
    if (next < 0 || width + next > columns - column - 1) break;
    width += next;
    count++;
  }
  fputs("\033[2m", stdout);
  put_wide(rest, count);
  fprintf(stdout, "\033[0m\033[K\033[%dG", column + 1);
  fflush(stdout);
}

static void erase_suggestion(visen_editor *e) {
  const LineInfoW *line = line_of(e);
  if (e->faint_suggestions && line->cursor == line->lastchar) put("\033[K");
}

// MARK: - Searching

static void draw_search(visen_editor *e, int failed) {
  wchar_t text[400];
  swprintf(text, 400, L"(%lssearch) '%ls': ", failed ? L"no match, " : L"", e->query);
  show_prompt(e, text);
}

// Where a text holds the query, whatever the case; NULL where it does not.
static const wchar_t *find_in(const wchar_t *text, const wchar_t *query) {
  size_t length = wcslen(query);
  for (; *text; text++) {
    if (wcsncasecmp(text, query, length) == 0) return text;
  }
  return length == 0 ? text : NULL;
}

static int find_older(visen_editor *e, size_t from) {
  for (size_t i = from; i > 0; i--) {
    if (find_in(e->history[i - 1], e->query)) {
      e->found = i - 1;
      return 1;
    }
  }
  return 0;
}

static void end_search(visen_editor *e) {
  e->searching = 0;
  show_prompt(e, e->prompt);
}

// A key while searching; 1 when it was used up.
static int search_key(visen_editor *e, wchar_t key, wchar_t *out) {
  int found = 1;
  *out = KEY_SEARCH;
  if (key == 0x12) {
    found = find_older(e, e->found);
  } else if (key == 0x7F || key == 0x08) {
    if (e->query_length > 0) e->query[--e->query_length] = 0;
    found = find_older(e, e->history_count);
  } else if (key == 0x03 || key == 0x07) {
    replace_line(e, e->draft ? e->draft : L"", e->draft ? wcslen(e->draft) : 0);
    end_search(e);
    return 1;
  } else if (key >= 0x20 && !(key >= KEY_FIRST && key <= KEY_LAST)) {
    if (e->query_length < 200) {
      e->query[e->query_length++] = key;
      e->query[e->query_length] = 0;
    }
    found = find_older(e, e->found < e->history_count ? e->found + 1 : e->history_count);
  } else {
    // Any other key takes what was found and does what it does.
    end_search(e);
    if (key != 27) push_key(e, (wint_t)key);
    return 1;
  }
  draw_search(e, !found);
  if (found && e->query_length > 0) {
    const wchar_t *entry = e->history[e->found];
    const wchar_t *hit = find_in(entry, e->query);
    replace_line(e, entry, hit ? (size_t)(hit - entry) : 0);
  }
  return 1;
}

// MARK: - The pump

static void finish_printing(visen_editor *e) {
  pthread_mutex_lock(&e->lock);
  char *text = e->above;
  e->above = NULL;
  pthread_mutex_unlock(&e->lock);
  put("\r\033[J");
  if (text) put(text);
  free(text);
  if (e->searching) draw_search(e, 0);
  else show_prompt(e, e->prompt);
  replace_line(e, e->stashed, e->stashed_cursor);
  free(e->stashed);
  e->stashed = NULL;
  e->phase = 0;
  el_wset(e->el, EL_REFRESH);
}

static int pump(EditLine *el, wchar_t *out) {
  visen_editor *e = self(el);
  if (!e) return -1;
  if (e->phase == 2) finish_printing(e);
  draw_suggestion(e);
  for (;;) {
    if (e->queue_start != e->queue_end) {
      *out = (wchar_t)e->queue[e->queue_start];
      e->queue_start = (e->queue_start + 1) % QUEUE_SIZE;
      return 1;
    }
    struct pollfd inputs[2] = {{STDIN_FILENO, POLLIN, 0}, {e->wake_read, POLLIN, 0}};
    if (poll(inputs, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (inputs[1].revents) {
      char signs[64];
      ssize_t count = read(e->wake_read, signs, sizeof signs);
      int resized = count > 0 && memchr(signs, 'r', (size_t)count) != NULL;
      pthread_mutex_lock(&e->lock);
      int has_output = e->above != NULL;
      int stops = e->stop_asked;
      e->stop_asked = 0;
      pthread_mutex_unlock(&e->lock);
      if (stops) push_key(e, KEY_STOP);
      if (resized) push_key(e, KEY_RESIZE);
      if (has_output) push_key(e, KEY_ERASE);
      continue;
    }
    if (!inputs[0].revents) continue;
    int byte = read_byte(-1);
    if (byte < 0) return 0;
    wchar_t key;
    if (byte == 27) {
      if (!read_escape(e, &key)) continue;
    } else if (!read_character(e, &key, byte)) {
      continue;
    }
    if (e->searching && search_key(e, key, out)) return 1;
    *out = key;
    return 1;
  }
}

// MARK: - What keys do

static void leave_history(visen_editor *e) {
  e->place = e->history_count;
  free(e->draft);
  free(e->prefix);
  e->draft = e->prefix = NULL;
}

static unsigned char do_accept(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  e->was_tab = 0;
  if (e->has_history) {
    char *text = line_utf8(e);
    int complete = !text || e->callbacks.is_complete(e->callbacks.context, text);
    if (!complete) {
      // The new row is indented by the blocks that are open before the cursor.
      const LineInfoW *line = line_of(e);
      int open = 0;
      for (const wchar_t *c = line->buffer; c < line->cursor; c++) {
        if (wcschr(L"{[(", *c)) open++;
        if (wcschr(L"}])", *c) && open > 0) open--;
      }
      if (open > 20) open = 20;
      wchar_t row[64] = L"\n";
      for (int i = 0; i < open; i++) wcscat(row, L"  ");
      free(text);
      erase_suggestion(e);
      el_winsertstr(el, row);
      return CC_REFRESH;
    }
    free(text);
  }
  erase_suggestion(e);
  move_to(e, length_of(e));
  push_key(e, KEY_ACCEPT);
  e->accepted = 1;
  return CC_REFRESH;
}

static unsigned char do_newline(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  erase_suggestion(e);
  el_winsertstr(el, L"\n");
  return CC_REFRESH;
}

// A brace that closes a block takes back the indentation of its row.
static unsigned char do_close_brace(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e), start = at;
  while (start > 0 && line->buffer[start - 1] == L' ') start--;
  if (start > 0 && line->buffer[start - 1] == L'\n' && at - start >= 2) el_wdeletestr(el, 2);
  el_winsertstr(el, L"}");
  return CC_REFRESH;
}

static unsigned char do_interrupt(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  erase_suggestion(e);
  move_to(e, length_of(e));
  el_winsertstr(el, L"^C");
  e->interrupted = 1;
  push_key(e, KEY_ACCEPT);
  return CC_REFRESH;
}

static unsigned char do_end(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (length_of(e) == 0) {
    e->ended = 1;
    return CC_EOF;
  }
  if (cursor_of(e) == length_of(e)) return CC_ERROR;
  move_to(e, cursor_of(e) + 1);
  el_wdeletestr(el, 1);
  return CC_REFRESH;
}

static unsigned char do_paste(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->pasted) return CC_NORM;
  erase_suggestion(e);
  el_winsertstr(el, e->pasted);
  free(e->pasted);
  e->pasted = NULL;
  return CC_REFRESH;
}

static unsigned char do_erase(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  free(e->stashed);
  e->stashed_cursor = cursor_of(e);
  e->stashed = copy_line(e, 0, length_of(e));
  replace_line(e, L"", 0);
  show_prompt(e, L"");
  e->phase = 2;
  (void)el;
  return CC_REFRESH;
}

static unsigned char do_resize(EditLine *el, wint_t key) {
  (void)key;
  el_resize(el);
  return CC_REDISPLAY;
}

static unsigned char do_search_step(EditLine *el, wint_t key) {
  (void)el;
  (void)key;
  return CC_REFRESH;
}

static unsigned char do_search(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->has_history) return CC_ERROR;
  erase_suggestion(e);
  free(e->draft);
  e->draft = copy_line(e, 0, length_of(e));
  e->searching = 1;
  e->query[0] = 0;
  e->query_length = 0;
  e->found = e->history_count;
  draw_search(e, 0);
  return CC_REFRESH;
}

static int is_zero_width(wchar_t c) { return wcwidth(c) == 0 && c >= 0x300; }

static unsigned char do_left(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e);
  if (at == 0) return CC_ERROR;
  erase_suggestion(e);
  do at--;
  while (at > 0 && is_zero_width(line->buffer[at]));
  move_to(e, at);
  return CC_CURSOR;
}

static unsigned char do_right(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e), length = length_of(e);
  if (at == length) {
    const wchar_t *rest = suggestion(e, line->buffer, length);
    if (!rest) return CC_ERROR;
    el_winsertstr(el, rest);
    return CC_REFRESH;
  }
  do at++;
  while (at < length && is_zero_width(line->buffer[at]));
  move_to(e, at);
  return CC_CURSOR;
}

static unsigned char do_backspace(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e), count = 1;
  if (at == 0) return CC_ERROR;
  while (count < at && is_zero_width(line->buffer[at - count])) count++;
  el_wdeletestr(el, (int)count);
  return CC_REFRESH;
}

static unsigned char do_delete(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (cursor_of(e) == length_of(e)) return CC_ERROR;
  move_to(e, cursor_of(e) + 1);
  el_wdeletestr(el, 1);
  return CC_REFRESH;
}

// MARK: - History

static int recall(visen_editor *e, int step) {
  if (!e->has_history) return 0;
  if (e->place == e->history_count) {
    if (step > 0) return 0;
    free(e->draft);
    free(e->prefix);
    e->draft = copy_line(e, 0, length_of(e));
    e->prefix = copy_line(e, 0, cursor_of(e));
  }
  size_t prefix_length = e->prefix ? wcslen(e->prefix) : 0;
  size_t place = e->place;
  while (step < 0 ? place > 0 : place < e->history_count) {
    place = (size_t)((long)place + step);
    if (place == e->history_count) {
      replace_line(e, e->draft ? e->draft : L"", e->draft ? wcslen(e->draft) : 0);
      e->place = place;
      return 1;
    }
    if (wcsncmp(e->history[place], e->prefix ? e->prefix : L"", prefix_length) == 0) {
      replace_line(e, e->history[place], wcslen(e->history[place]));
      e->place = place;
      return 1;
    }
  }
  return 0;
}

// Up and Down move inside a text of several rows first; `step` is -1 or 1.
static unsigned char move_row(visen_editor *e, int step) {
  const LineInfoW *line = line_of(e);
  size_t length = length_of(e), at = cursor_of(e);
  size_t start = at;
  while (start > 0 && line->buffer[start - 1] != L'\n') start--;
  size_t column = at - start;
  erase_suggestion(e);
  if (step < 0 && start > 0) {
    size_t above = start - 1;
    while (above > 0 && line->buffer[above - 1] != L'\n') above--;
    size_t row = start - 1 - above;
    move_to(e, above + (column < row ? column : row));
    return CC_CURSOR;
  }
  size_t end = at;
  while (end < length && line->buffer[end] != L'\n') end++;
  if (step > 0 && end < length) {
    size_t below = end + 1, stop = below;
    while (stop < length && line->buffer[stop] != L'\n') stop++;
    size_t row = stop - below;
    move_to(e, below + (column < row ? column : row));
    return CC_CURSOR;
  }
  return recall(e, step) ? CC_REFRESH : CC_ERROR;
}

static unsigned char do_up(EditLine *el, wint_t key) {
  (void)key;
  return move_row(self(el), -1);
}

static unsigned char do_down(EditLine *el, wint_t key) {
  (void)key;
  return move_row(self(el), 1);
}

// MARK: - Completion

static unsigned char do_list(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->list) return CC_NORM;
  int columns = screen_columns();
  int widest = 0, count = 0;
  for (char *p = e->list; *p;) {
    char *end = strchr(p, '\n');
    if (!end) break;
    char *tab = memchr(p, '\t', (size_t)(end - p));
    *end = 0;
    if (tab) *tab = 0;
    wchar_t *wide = to_wide(p);
    int width = wide ? width_of(wide, wcslen(wide)) : 0;
    free(wide);
    if (width > widest) widest = width;
    if (tab) *tab = '\t';
    *end = '\n';
    p = end + 1;
    count++;
  }
  put("\n");
  int shown = 0, limit = 16;
  for (char *p = e->list; *p && shown < limit; shown++) {
    char *end = strchr(p, '\n');
    if (!end) break;
    char *tab = memchr(p, '\t', (size_t)(end - p));
    *end = 0;
    if (tab) *tab = 0;
    wchar_t *name = to_wide(p);
    wchar_t *kind = tab ? to_wide(tab + 1) : NULL;
    int width = name ? width_of(name, wcslen(name)) : 0;
    if (name) put_wide(name, wcslen(name));
    int room = columns - widest - 3;
    if (kind && room > 8) {
      for (int i = width; i < widest + 2; i++) fputc(' ', stdout);
      size_t n = 0;
      int w = 0;
      while (kind[n] && w + (wcwidth(kind[n]) > 0 ? wcwidth(kind[n]) : 0) <= room) {
        w += wcwidth(kind[n]) > 0 ? wcwidth(kind[n]) : 0;
        n++;
      }
      if (e->faint_suggestions) fputs("\033[2m", stdout);
      put_wide(kind, n);
      if (e->faint_suggestions) fputs("\033[0m", stdout);
    }
    fputc('\n', stdout);
    free(name);
    free(kind);
    p = end + 1;
  }
  if (count > shown) fprintf(stdout, "… %d more\n", count - shown);
  fflush(stdout);
  free(e->list);
  e->list = NULL;
  move_to(e, e->stashed_cursor);
  el_wset(el, EL_REFRESH);
  return CC_NORM;
}

static size_t common_prefix(char *list) {
  char *first_tab = strpbrk(list, "\t\n");
  size_t length = first_tab ? (size_t)(first_tab - list) : 0;
  for (char *p = strchr(list, '\n'); p && p[1]; p = strchr(p + 1, '\n')) {
    size_t same = 0;
    while (same < length && p[1 + same] == list[same]) same++;
    length = same;
  }
  // Never inside a character.
  while (length > 0 && ((unsigned char)list[length] & 0xC0) == 0x80) length--;
  return length;
}

static unsigned char do_complete(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->has_history) return CC_ERROR;
  const LineInfoW *line = line_of(e);
  size_t cursor = cursor_of(e);
  // In front of a line Tab indents.
  size_t start_of_row = cursor;
  while (start_of_row > 0 && line->buffer[start_of_row - 1] == L' ') start_of_row--;
  if (start_of_row > 0 && line->buffer[start_of_row - 1] == L'\n') {
    el_winsertstr(el, L"  ");
    return CC_REFRESH;
  }
  char *text = line_utf8(e);
  char *before = to_utf8(line->buffer, cursor);
  int start = 0;
  char *list = NULL;
  if (text && before) {
    list = e->callbacks.complete(e->callbacks.context, text, (int)strlen(before), &start);
  }
  unsigned char result = CC_ERROR;
  size_t typed_bytes = before ? strlen(before) : 0;
  if (list && *list && start >= 0 && (size_t)start <= typed_bytes) {
    int is_only = strchr(list, '\n') == NULL || strchr(list, '\n')[1] == 0;
    size_t length = common_prefix(list);
    if (is_only) {
      char *end = strpbrk(list, "\t\n");
      length = end ? (size_t)(end - list) : strlen(list);
    }
    char *insertion = strndup(list, length);
    wchar_t *wide = insertion ? to_wide(insertion) : NULL;
    wchar_t *old = to_wide(before + start);
    int is_new = wide && old && wcscmp(wide, old) != 0 && wcslen(wide) >= wcslen(old);
    if (wide && old && (is_only || is_new)) {
      erase_suggestion(e);
      if (wcslen(old) > 0) el_wdeletestr(el, (int)wcslen(old));
      el_winsertstr(el, wide);
      if (is_only && line_of(e)->cursor == line_of(e)->lastchar && wcslen(wide) > 0 &&
          wide[wcslen(wide) - 1] != L'}') {
        el_winsertstr(el, L" ");
      }
      result = CC_REFRESH;
    } else if (!is_only && e->was_tab) {
      free(e->list);
      e->list = list;
      list = NULL;
      e->stashed_cursor = cursor;
      erase_suggestion(e);
      move_to(e, length_of(e));
      push_key(e, KEY_LIST);
      result = CC_REFRESH;
    }
    free(insertion);
    free(wide);
    free(old);
  }
  free(list);
  free(text);
  free(before);
  e->was_tab = 1;
  return result;
}

// MARK: - Suspending

static unsigned char do_suspend(EditLine *el, wint_t key) {
  (void)key;
  put("\033[?2004l\r\n");
  el_wset(el, EL_PREP_TERM, 0);
  kill(0, SIGTSTP);
  el_wset(el, EL_PREP_TERM, 1);
  put("\033[?2004h");
  el_wset(el, EL_REFRESH);
  return CC_REDISPLAY;
}

// MARK: - Signals

static void give_terminal_back(void) {
  if (has_first_terminal) tcsetattr(STDIN_FILENO, TCSANOW, &first_terminal);
  static const char off[] = "\033[?2004l";
  if (write(STDOUT_FILENO, off, sizeof off - 1) < 0) return;
}

static void dying(int number) {
  give_terminal_back();
  signal(number, SIG_DFL);
  raise(number);
}

static void resized(int number) {
  (void)number;
  int saved = errno;
  if (wake_for_resize >= 0 && write(wake_for_resize, "r", 1) < 0) errno = saved;
  errno = saved;
}

// MARK: - Opening and closing

static void use_utf8(void) {
  if (setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0) return;
  setlocale(LC_CTYPE, "C.UTF-8");
}

static void bind_key(visen_editor *e, const wchar_t *key, const wchar_t *function) {
  el_wset(e->el, EL_BIND, key, function, NULL);
  el_wset(e->el, EL_BIND, L"-a", key, function, NULL);
}

static void bind_private(visen_editor *e, wchar_t key, const wchar_t *function) {
  wchar_t text[2] = {key, 0};
  bind_key(e, text, function);
}

visen_editor *editor_open(const char *name, editor_callbacks callbacks, int faint_suggestions) {
  use_utf8();
  visen_editor *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  int wake[2];
  if (pipe(wake) != 0) {
    free(e);
    return NULL;
  }
  e->wake_read = wake[0];
  e->wake_write = wake[1];
  e->callbacks = callbacks;
  e->faint_suggestions = faint_suggestions;
  pthread_mutex_init(&e->lock, NULL);
  if (tcgetattr(STDIN_FILENO, &first_terminal) == 0) has_first_terminal = 1;
  wake_for_resize = e->wake_write;
  int deaths[] = {SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) signal(deaths[i], dying);
  struct sigaction action = {.sa_handler = resized, .sa_flags = SA_RESTART};
  sigaction(SIGWINCH, &action, NULL);

  e->el = el_init(name, stdin, stdout, stderr);
  if (!e->el) {
    editor_close(e);
    return NULL;
  }
  el_wset(e->el, EL_CLIENTDATA, e);
  el_wset(e->el, EL_PROMPT_ESC, prompt_function, L'\1');
  el_wset(e->el, EL_EDITOR, L"emacs");
  el_wset(e->el, EL_SIGNAL, 0);
  struct {
    const wchar_t *name;
    unsigned char (*function)(EditLine *, wint_t);
  } functions[] = {
      {L"visen-accept", do_accept},       {L"visen-newline", do_newline},
      {L"visen-interrupt", do_interrupt}, {L"visen-end", do_end},
      {L"visen-paste", do_paste},         {L"visen-erase", do_erase},
      {L"visen-resize", do_resize},       {L"visen-search", do_search},
      {L"visen-step", do_search_step},    {L"visen-left", do_left},
      {L"visen-right", do_right},         {L"visen-backspace", do_backspace},
      {L"visen-delete", do_delete},       {L"visen-up", do_up},
      {L"visen-down", do_down},           {L"visen-complete", do_complete},
      {L"visen-list", do_list},           {L"visen-suspend", do_suspend},
      {L"visen-brace", do_close_brace},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    el_wset(e->el, EL_ADDFN, functions[i].name, L"of Visen", functions[i].function);
  }
  el_wset(e->el, EL_BIND, L"^U", L"vi-kill-line-prev", NULL);
  el_wset(e->el, EL_BIND, L"^W", L"ed-delete-prev-word", NULL);
  el_source(e->el, NULL);
  el_wset(e->el, EL_GETCFN, pump);
  el_wset(e->el, EL_SETTY, L"-d", L"-isig", L"-ixon", NULL);
  bind_key(e, L"\n", L"visen-accept");
  bind_key(e, L"\r", L"visen-accept");
  bind_key(e, L"\t", L"visen-complete");
  bind_key(e, L"^C", L"visen-interrupt");
  bind_key(e, L"^D", L"visen-end");
  bind_key(e, L"^R", L"visen-search");
  bind_key(e, L"^Z", L"visen-suspend");
  el_wset(e->el, EL_BIND, L"}", L"visen-brace", NULL);
  el_wset(e->el, EL_BIND, L"^?", L"visen-backspace", NULL);
  el_wset(e->el, EL_BIND, L"^H", L"visen-backspace", NULL);
  el_wset(e->el, EL_BIND, L"^P", L"visen-up", NULL);
  el_wset(e->el, EL_BIND, L"^N", L"visen-down", NULL);
  el_wset(e->el, EL_BIND, L"^B", L"visen-left", NULL);
  el_wset(e->el, EL_BIND, L"^F", L"visen-right", NULL);
  bind_private(e, KEY_PASTE, L"visen-paste");
  bind_private(e, KEY_ERASE, L"visen-erase");
  bind_private(e, KEY_RESIZE, L"visen-resize");
  bind_private(e, KEY_LIST, L"visen-list");
  bind_private(e, KEY_ACCEPT, L"ed-newline");
  bind_private(e, KEY_SEARCH, L"visen-step");
  bind_private(e, KEY_STOP, L"visen-interrupt");
  bind_private(e, KEY_UP, L"visen-up");
  bind_private(e, KEY_DOWN, L"visen-down");
  bind_private(e, KEY_RIGHT, L"visen-right");
  bind_private(e, KEY_LEFT, L"visen-left");
  bind_private(e, KEY_HOME, L"ed-move-to-beg");
  bind_private(e, KEY_END, L"ed-move-to-end");
  bind_private(e, KEY_DELETE, L"visen-delete");
  bind_private(e, KEY_WORD_LEFT, L"ed-prev-word");
  bind_private(e, KEY_WORD_RIGHT, L"em-next-word");
  bind_private(e, KEY_NEWLINE, L"visen-newline");
  return e;
}

void editor_remember(visen_editor *e, const char *text) {
  wchar_t *wide = to_wide(text);
  if (!wide) return;
  // An older one of the same words goes, so that each is found once.
  for (size_t i = 0; i < e->history_count; i++) {
    if (wcscmp(e->history[i], wide) == 0) {
      free(e->history[i]);
      memmove(e->history + i, e->history + i + 1, (e->history_count - i - 1) * sizeof(wchar_t *));
      e->history_count--;
      break;
    }
  }
  if (e->history_count == e->history_capacity) {
    size_t capacity = e->history_capacity ? e->history_capacity * 2 : 256;
    wchar_t **more = realloc(e->history, capacity * sizeof(wchar_t *));
    if (!more) {
      free(wide);
      return;
    }
    e->history = more;
    e->history_capacity = capacity;
  }
  e->history[e->history_count++] = wide;
}

void editor_prefill(visen_editor *e, const char *text) {
  free(e->pasted);
  e->pasted = to_wide(text);
  if (e->pasted) push_key(e, KEY_PASTE);
}

editor_status editor_read(visen_editor *e, const char *prompt, int has_history, char **text) {
  *text = NULL;
  free(e->prompt);
  e->prompt = to_wide(prompt);
  if (!e->prompt) return EDITOR_FAILED;
  show_prompt(e, e->prompt);
  e->has_history = has_history;
  e->interrupted = e->ended = e->searching = e->phase = e->was_tab = 0;
  leave_history(e);
  put("\033[?2004h");
  int count = 0;
  const wchar_t *line = el_wgets(e->el, &count);
  put("\033[?2004l");
  if (e->interrupted) return EDITOR_INTERRUPTED;
  if (!line || count <= 0) {
    if (count == 0 || e->ended) {
      put("\r\n");
      return EDITOR_END;
    }
    return EDITOR_FAILED;
  }
  size_t length = (size_t)count;
  while (length > 0 && (line[length - 1] == L'\n' || line[length - 1] == L'\r')) length--;
  *text = to_utf8(line, length);
  return *text ? EDITOR_LINE : EDITOR_FAILED;
}

static void wake(visen_editor *e) {
  if (write(e->wake_write, "w", 1) < 0) return;
}

void editor_print(visen_editor *e, const char *text) {
  pthread_mutex_lock(&e->lock);
  size_t old = e->above ? strlen(e->above) : 0;
  char *more = realloc(e->above, old + strlen(text) + 2);
  if (more) {
    e->above = more;
    strcpy(more + old, text);
    strcat(more, "\n");
  }
  pthread_mutex_unlock(&e->lock);
  wake(e);
}

void editor_stop(visen_editor *e) {
  pthread_mutex_lock(&e->lock);
  e->stop_asked = 1;
  pthread_mutex_unlock(&e->lock);
  wake(e);
}

void editor_close(visen_editor *e) {
  if (!e) return;
  wake_for_resize = -1;
  if (e->el) {
    // Typed-ahead input stays for whoever reads the terminal next.
    el_wset(e->el, EL_EDITMODE, 0);
    el_end(e->el);
  }
  if (has_first_terminal) tcsetattr(STDIN_FILENO, TCSADRAIN, &first_terminal);
  close(e->wake_read);
  close(e->wake_write);
  for (size_t i = 0; i < e->history_count; i++) free(e->history[i]);
  free(e->history);
  free(e->prompt);
  free(e->shown_prompt);
  free(e->draft);
  free(e->prefix);
  free(e->pasted);
  free(e->list);
  free(e->stashed);
  free(e->above);
  pthread_mutex_destroy(&e->lock);
  free(e);
}
