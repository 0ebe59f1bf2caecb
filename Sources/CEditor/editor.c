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
  KEY_LEAVE,
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
  KEY_MARK,
  KEY_BEGIN,
  KEY_LAST = 0x9F,
};

#define QUEUE_SIZE 64
#define LOST 16
#define INPUT_SIZE 65536
// Longer texts are not painted: nobody reads them in one row, and each key would repaint all.
#define PAINTED_LENGTH 4000

struct visen_editor {
  EditLine *el;
  editor_callbacks callbacks;
  int has_colors;
  int drawn_columns;  // The width for which the rows on the screen were drawn.
  int lost[LOST];     // The columns of rows of the line that a narrower screen has moved above its top.
  int lost_count;
  int wake_read, wake_write;

  unsigned char input[INPUT_SIZE];  // What was read from the terminal and not yet taken.
  size_t input_start, input_end;

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
  wchar_t *initial;  // What the line holds before the first key.
  wint_t mark;       // A character without a width that is to join the one before it.
  wint_t queue[QUEUE_SIZE];
  int queue_start, queue_end;
  char *list;

  int interrupted, ended, edited;
  pthread_mutex_t lock;
  char *above;       // Guarded by `lock`: what is to be printed above the line.
  int leave_asked;   // Guarded by `lock`.
  char *next_prompt; // Guarded by `lock`: what is to stand before the line from now on.
  char **offered;    // Guarded by `lock`: statements that are to join the history.
  size_t offered_count, offered_capacity;
  int phase;         // 0 typing, 1 the line was erased for good, 2 it is to be restored.
  wchar_t *stashed;
  size_t stashed_cursor;
};

static struct termios first_terminal;
static int has_first_terminal = 0;
static int knows_escapes = 0;
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

// The columns of a prompt: what stands between two \1 is sent, and has no width.
static int prompt_width(const wchar_t *text) {
  int width = 0, is_hidden = 0;
  for (; *text; text++) {
    if (*text == L'\1') is_hidden = !is_hidden;
    else if (!is_hidden) width += width_of(text, 1);
  }
  return width;
}

static int screen_rows(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

static int screen_columns(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void put(const char *text) {
  fputs(text, stdout);
  fflush(stdout);
}

// Sends an escape to a terminal that knows any.
static void control(const char *text) {
  if (knows_escapes) put(text);
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

static int has_input(const visen_editor *e) { return e->input_start < e->input_end; }

// The next byte of the terminal; -1 when none came in time, -2 when there will be none.
static int read_byte(visen_editor *e, int wait_milliseconds) {
  if (!has_input(e)) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (wait_milliseconds >= 0 && poll(&input, 1, wait_milliseconds) <= 0) return -1;
    ssize_t count = read(STDIN_FILENO, e->input, INPUT_SIZE);
    if (count < 0) return errno == EINTR || errno == EAGAIN ? -1 : -2;
    if (count == 0) return -2;
    e->input_start = 0;
    e->input_end = (size_t)count;
  }
  return e->input[e->input_start++];
}

// One character of the terminal; bytes that are no text are dropped.
static int read_character(visen_editor *e, wchar_t *out, int first) {
  unsigned char bytes[8];
  int length = 0, need = 1;
  bytes[length++] = (unsigned char)first;
  if (first >= 0xF0) need = 4;
  else if (first >= 0xE0) need = 3;
  else if (first >= 0xC0) need = 2;
  while (length < need) {
    int next = read_byte(e, 200);
    if (next < 0 || (next & 0xC0) != 0x80) return 0;
    bytes[length++] = (unsigned char)next;
  }
  mbstate_t state = {0};
  wchar_t wide;
  size_t n = mbrtowc(&wide, (const char *)bytes, (size_t)length, &state);
  if (n == (size_t)-1 || n == (size_t)-2 || n == 0) return 0;
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
    int byte = read_byte(e, 2000);
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
  char *cleaned = e->has_history ? e->callbacks.clean(e->callbacks.context, bytes) : NULL;
  wchar_t *wide = to_wide(cleaned ? cleaned : bytes);
  free(cleaned);
  free(bytes);
  if (!wide) return;
  // The second range of controls, and what libedit would draw as an escape of its own.
  wchar_t *out = wide;
  for (const wchar_t *in = wide; *in; in++) {
    if (*in < 0x80 || *in > 0x9F) *out++ = *in;
  }
  *out = 0;
  free(e->pasted);
  e->pasted = wide;
}

// After ESC: a key of ours for what we know, nothing for what we do not; 0 for a lone ESC.
static int read_escape(visen_editor *e, wchar_t *out) {
  int byte = read_byte(e, 30);
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
    int next = read_byte(e, 30);
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

static const char *color_of(char kind) {
  switch (kind) {
    case 'c': return "\033[1m";     // A command or a word of the language.
    case 's': return "\033[32m";    // A text.
    case 'h': return "\033[33m";    // A hole in a text.
    case 'n': return "\033[36m";    // A number, a date, a constant.
    case 'f': return "\033[34m";    // A function.
    case '#': return "\033[2m";     // A comment.
    case '!': return "\033[1;31m";  // What does not fit.
    default: return "";
  }
}

// Where the cursor stands, in rows below the first one and columns, when no row is wrapped and every
// character has a width; 0 otherwise.
static int lay_out(visen_editor *e, const LineInfoW *line, int *rows, int *row, int *column) {
  int columns = screen_columns(), at = prompt_width(e->shown_prompt), count = 1;
  *row = -1;
  for (const wchar_t *c = line->buffer;; c++) {
    if (c == line->cursor) {
      *row = count - 1;
      *column = at;
    }
    if (c == line->lastchar) break;
    if (*c == L'\n') {
      count++;
      at = 0;
      continue;
    }
    int width = wcwidth(*c);
    if (width < 0) return 0;
    at += width;
    if (at >= columns) return 0;
  }
  *rows = count;
  return *row >= 0 && count < screen_rows();
}

// Paints the text in its colours over the glyphs that libedit has drawn, and behind its end, faintly,
// the rest of the likeliest statement; libedit knows of neither.
static void decorate(visen_editor *e) {
  if (!e->has_colors || !e->has_history || e->searching || e->phase != 0) return;
  const LineInfoW *line = line_of(e);
  size_t length = (size_t)(line->lastchar - line->buffer);
  int rows = 0, row = 0, column = 0;
  if (length > PAINTED_LENGTH || !lay_out(e, line, &rows, &row, &column)) return;
  char *drawing = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&drawing, &size);
  if (!out) return;
  char *text = length > 0 ? line_utf8(e) : NULL;
  char *kinds = text ? e->callbacks.paint(e->callbacks.context, text) : NULL;
  free(text);
  if (kinds && strlen(kinds) == length) {
    if (row > 0) fprintf(out, "\033[%dA", row);
    fprintf(out, "\033[%dG", prompt_width(e->shown_prompt) + 1);
    char kind = ' ';
    for (size_t i = 0; i < length; i++) {
      if (kinds[i] != kind) {
        fprintf(out, "\033[0m%s", color_of(kinds[i]));
        kind = kinds[i];
      }
      if (line->buffer[i] == L'\n') {
        fputs("\033[B\r", out);
        continue;
      }
      char *bytes = to_utf8(line->buffer + i, 1);
      if (bytes) fputs(bytes, out);
      free(bytes);
    }
    fputs("\033[0m", out);
    if (rows - 1 > row) fprintf(out, "\033[%dA", rows - 1 - row);
    fprintf(out, "\033[%dG", column + 1);
  }
  free(kinds);
  if (line->cursor == line->lastchar && rows == 1) {
    const wchar_t *rest = suggestion(e, line->buffer, length);
    size_t count = 0;
    int width = 0, room = screen_columns() - column - 1;
    while (rest && rest[count]) {
      int next = wcwidth(rest[count]);
      if (next < 0 || width + next > room) break;
      width += next;
      count++;
    }
    char *bytes = rest ? to_utf8(rest, count) : NULL;
    if (bytes) fprintf(out, "\033[2m%s\033[0m", bytes);
    free(bytes);
    fprintf(out, "\033[K\033[%dG", column + 1);
  }
  fclose(out);
  if (drawing) put(drawing);
  free(drawing);
}

static void erase_suggestion(visen_editor *e) {
  const LineInfoW *line = line_of(e);
  if (e->has_colors && e->has_history && line->cursor == line->lastchar) put("\033[K");
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
    // What was found stays while the shorter query fits it, too.
    if (e->query_length > 0) e->query[--e->query_length] = 0;
    found = find_older(e, e->found < e->history_count ? e->found + 1 : e->history_count);
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
  put("\r");
  control("\033[J");
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

// Takes what other sessions have said into the history; called with the lock held.
static void take_offered(visen_editor *e) {
  size_t old = e->history_count;
  int is_typing = e->place == old;
  for (size_t i = 0; i < e->offered_count; i++) {
    editor_remember(e, e->offered[i]);
    free(e->offered[i]);
  }
  e->offered_count = 0;
  if (is_typing) e->place = e->history_count;
  else if (e->place > e->history_count) e->place = e->history_count;
  if (e->found > e->history_count) e->found = e->history_count;
}

// Shows another prompt before the line that is being typed.
static void use_prompt(visen_editor *e, const char *text) {
  wchar_t *wide = to_wide(text);
  if (!wide) return;
  free(e->prompt);
  e->prompt = wide;
  if (e->searching || e->phase != 0) return;
  erase_suggestion(e);
  show_prompt(e, e->prompt);
  push_key(e, KEY_SEARCH);  // Draws what is different.
}

static int pump(EditLine *el, wchar_t *out) {
  visen_editor *e = self(el);
  if (!e) return -1;
  if (e->phase == 2) finish_printing(e);
  if (e->phase == 1) {
    put("\r");
    control("\033[J");
    return 0;
  }
  if (e->initial) {
    *out = KEY_BEGIN;
    return 1;
  }
  // Of keys that come faster than anybody reads, only what they end in is painted.
  if (e->queue_start == e->queue_end && !has_input(e)) decorate(e);
  for (;;) {
    if (e->queue_start != e->queue_end) {
      *out = (wchar_t)e->queue[e->queue_start];
      e->queue_start = (e->queue_start + 1) % QUEUE_SIZE;
      return 1;
    }
    struct pollfd inputs[2] = {{STDIN_FILENO, POLLIN, 0}, {e->wake_read, POLLIN, 0}};
    if (poll(inputs, 2, has_input(e) ? 0 : -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (inputs[1].revents) {
      char signs[64];
      ssize_t count = read(e->wake_read, signs, sizeof signs);
      int resized = count > 0 && memchr(signs, 'r', (size_t)count) != NULL;
      pthread_mutex_lock(&e->lock);
      int has_output = e->above != NULL;
      int leaves = e->leave_asked;
      char *prompt = e->next_prompt;
      take_offered(e);
      e->leave_asked = 0;
      e->next_prompt = NULL;
      pthread_mutex_unlock(&e->lock);
      if (prompt) use_prompt(e, prompt);
      free(prompt);
      // A window that is dragged changes its size many times; the last one counts.
      struct pollfd more = {e->wake_read, POLLIN, 0};
      while (resized && poll(&more, 1, 50) > 0) {
        if (read(e->wake_read, signs, sizeof signs) <= 0) break;
        pthread_mutex_lock(&e->lock);
        has_output = e->above != NULL;
        leaves |= e->leave_asked;
        e->leave_asked = 0;
        pthread_mutex_unlock(&e->lock);
      }
      if (leaves) push_key(e, KEY_LEAVE);
      if (resized) push_key(e, KEY_RESIZE);
      if (has_output) push_key(e, KEY_ERASE);
      continue;
    }
    if (!has_input(e) && !inputs[0].revents) continue;
    int byte = read_byte(e, -1);
    if (byte == -1) continue;
    if (byte < 0) return 0;
    wchar_t key;
    if (byte == 27) {
      if (!read_escape(e, &key)) continue;
    } else if (!read_character(e, &key, byte)) {
      continue;
    }
    if (e->searching && search_key(e, key, out)) return 1;
    if (key >= 0x300 && wcwidth(key) == 0) {
      e->mark = (wint_t)key;
      key = KEY_MARK;
    }
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

static unsigned char do_delete(EditLine *el, wint_t key);

static unsigned char do_end(EditLine *el, wint_t key) {
  visen_editor *e = self(el);
  if (length_of(e) == 0) {
    e->ended = 1;
    return CC_EOF;
  }
  return do_delete(el, key);
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

// Puts in what the line is to hold from the start.
static unsigned char do_begin(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  wchar_t *text = e->initial;
  e->initial = NULL;
  if (text && *text) el_winsertstr(el, text);
  free(text);
  return CC_REFRESH;
}

// A combining mark joins the character before it where there is one character for both; otherwise it
// is inserted here, because libedit would count a column for one that is typed.
static unsigned char do_mark(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  size_t at = cursor_of(e);
  wchar_t text[2] = {(wchar_t)e->mark, 0};
  erase_suggestion(e);
  if (at > 0) {
    unsigned composed = e->callbacks.compose(
        e->callbacks.context, (unsigned)line_of(e)->buffer[at - 1], (unsigned)e->mark);
    if (composed) {
      el_wdeletestr(el, 1);
      text[0] = (wchar_t)composed;
    }
  }
  el_winsertstr(el, text);
  return CC_REFRESH;
}

// The text goes to an editor of its own; the caller brings it back.
static unsigned char do_edit(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->has_history) return CC_ERROR;
  erase_suggestion(e);
  move_to(e, length_of(e));
  e->edited = 1;
  push_key(e, KEY_ACCEPT);
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

// Takes the line from the screen; the pump ends it then.
static unsigned char do_leave(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  replace_line(e, L"", 0);
  show_prompt(e, L"");
  e->phase = 1;
  return CC_REFRESH;
}

// Asks the terminal in which row and column its cursor is, from 1; both 0 when it does not say. Keys
// that come in between are kept.
static void ask_place(visen_editor *e, int *row, int *column) {
  unsigned char kept[512];
  size_t count = 0;
  *row = *column = 0;
  put("\033[6n");
  while (!*column && count < sizeof kept) {
    int byte = read_byte(e, 100);
    if (byte < 0) break;
    kept[count++] = (unsigned char)byte;
    if (byte != 'R') continue;
    size_t start = count - 1;
    while (start > 0 && kept[start] != 27) start--;
    int first = 0, second = 0;
    char text[32] = "";
    if (count - start >= sizeof text) continue;
    memcpy(text, kept + start, count - start);
    if (sscanf(text, "\033[%d;%dR", &first, &second) == 2 && first > 0 && second > 0) {
      *row = first;
      *column = second;
      count = start;
    }
  }
  size_t rest = e->input_end - e->input_start;
  if (count + rest <= INPUT_SIZE) {
    memmove(e->input + count, e->input + e->input_start, rest);
    memcpy(e->input, kept, count);
    e->input_start = 0;
    e->input_end = count + rest;
  }
}

// How many rows stand above the cursor's at a width, and in which column it is.
static int rows_above(visen_editor *e, int columns, int *column) {
  const LineInfoW *line = line_of(e);
  int at = prompt_width(e->shown_prompt), rows = at / columns;
  at %= columns;
  for (const wchar_t *c = line->buffer; c < line->cursor; c++) {
    int width = *c == L'\n' ? 0 : width_of(c, 1);
    if (*c == L'\n' || at + width > columns) {
      rows++;
      at = 0;
    }
    at += width;
  }
  *column = at;
  return rows;
}

// Counts the rows that are above the top of the screen now, `hidden` of all that stood above the
// cursor: nothing can clear them there, and a wider screen brings them down again.
static void count_lost(visen_editor *e, int hidden, int columns) {
  int kept = 0;
  for (int i = 0; i < e->lost_count && hidden > 0; i++) {
    int rows = (e->lost[i] + columns - 1) / columns;
    e->lost[kept++] = rows > hidden ? hidden * columns : e->lost[i];
    hidden -= rows;
  }
  if (hidden > 0 && kept < LOST) e->lost[kept++] = hidden * columns;
  e->lost_count = kept;
}

static void wake(visen_editor *e);

// Whether another size is told soon.
static int is_resized_again(visen_editor *e) {
  struct pollfd wakes = {e->wake_read, POLLIN, 0};
  char signs[64];
  if (poll(&wakes, 1, 300) <= 0) return 0;
  ssize_t count = read(e->wake_read, signs, sizeof signs);
  if (count > 0 && memchr(signs, 'w', (size_t)count)) wake(e);
  return count > 0 && memchr(signs, 'r', (size_t)count) != NULL;
}

// The terminal has wrapped the rows anew, or has left them as they were drawn; its cursor tells which.
// What it shows of them is cleared, then drawn again.
static unsigned char do_resize(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!knows_escapes) {
    put("\r\n");
    el_resize(el);
    el_wset(el, EL_REFRESH);
    return CC_NORM;
  }
  int columns = 0, now = 0, before = 0, rows = 0, row = 0, column = 0;
  int old_rows = rows_above(e, e->drawn_columns, &before);
  // When the cursor is where no width puts it, the window goes on changing: tmux tells a size up to
  // 250 ms after it took it.
  for (int tries = 0; tries < 20; tries++) {
    columns = screen_columns();
    rows = rows_above(e, columns, &now);
    if (rows > 0 || old_rows > 0 || e->lost_count > 0) ask_place(e, &row, &column);
    int is_known = column == 0 || column == now + 1 || column == before + 1;
    if (is_known && screen_columns() == columns) break;
    if (!is_resized_again(e)) break;
  }
  if (rows != old_rows && now != before && column == before + 1) rows = old_rows;
  else if (column != now + 1) e->lost_count = 0;  // Where the rest stands is not known.
  for (int i = 0; i < e->lost_count; i++) rows += (e->lost[i] + columns - 1) / columns;
  count_lost(e, row > 0 ? rows - row + 1 : 0, columns);
  if (rows > 0) fprintf(stdout, "\033[%dA", rows);
  // Cleared from its first cell on, a screen may be kept as history.
  put("\r\0337\033[K\033[B\033[J\0338");
  el_resize(el);
  e->drawn_columns = columns;
  el_wset(el, EL_REFRESH);
  return CC_NORM;
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

// Whether a character belongs to the one before it: marks, joined emoji, tones of skin.
static int continues(const wchar_t *buffer, size_t at) {
  if (at == 0) return 0;
  wchar_t c = buffer[at];
  return (c >= 0x300 && wcwidth(c) == 0) || buffer[at - 1] == 0x200D ||
         (c >= 0x1F3FB && c <= 0x1F3FF);
}

static unsigned char do_left(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e);
  if (at == 0) return CC_ERROR;
  erase_suggestion(e);
  do at--;
  while (at > 0 && continues(line->buffer, at));
  move_to(e, at);
  return CC_CURSOR;
}

static unsigned char do_right(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e), length = length_of(e);
  if (at == length) {
    const wchar_t *rest = e->has_colors ? suggestion(e, line->buffer, length) : NULL;
    if (!rest) return CC_ERROR;
    el_winsertstr(el, rest);
    return CC_REFRESH;
  }
  do at++;
  while (at < length && continues(line->buffer, at));
  move_to(e, at);
  return CC_CURSOR;
}

static unsigned char do_backspace(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  const LineInfoW *line = line_of(e);
  size_t at = cursor_of(e), count = 1;
  if (at == 0) return CC_ERROR;
  while (count < at && continues(line->buffer, at - count)) count++;
  el_wdeletestr(el, (int)count);
  return CC_REFRESH;
}

static unsigned char do_delete(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  size_t at = cursor_of(e), length = length_of(e), count = 1;
  if (at == length) return CC_ERROR;
  while (at + count < length && continues(line_of(e)->buffer, at + count)) count++;
  move_to(e, at + count);
  el_wdeletestr(el, (int)count);
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

// The place in a row at a column.
static size_t place_in_row(const LineInfoW *line, size_t start, size_t end, int column) {
  int width = 0;
  while (start < end) {
    width += width_of(line->buffer + start, 1);
    if (width > column) break;
    start++;
  }
  return start;
}

// Up and Down move inside a text of several rows first; `step` is -1 or 1.
static unsigned char move_row(visen_editor *e, int step) {
  const LineInfoW *line = line_of(e);
  size_t length = length_of(e), at = cursor_of(e), start = at;
  while (start > 0 && line->buffer[start - 1] != L'\n') start--;
  int column = width_of(line->buffer + start, at - start);
  // The first row stands behind the prompt.
  int indent = prompt_width(e->shown_prompt);
  if (start == 0) column += indent;
  erase_suggestion(e);
  if (step < 0 && start > 0) {
    size_t above = start - 1;
    while (above > 0 && line->buffer[above - 1] != L'\n') above--;
    int wanted = above == 0 ? column - indent : column;
    move_to(e, place_in_row(line, above, start - 1, wanted > 0 ? wanted : 0));
    return CC_CURSOR;
  }
  size_t end = at;
  while (end < length && line->buffer[end] != L'\n') end++;
  if (step > 0 && end < length) {
    size_t below = end + 1, stop = below;
    while (stop < length && line->buffer[stop] != L'\n') stop++;
    move_to(e, place_in_row(line, below, stop, column));
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

// The fields of a line of candidates, cut apart in place.
static char *next_line(char *line, char *fields[3]) {
  char *end = strchr(line, '\n');
  if (!end) return NULL;
  *end = 0;
  for (int i = 0; i < 3; i++) {
    fields[i] = line;
    char *tab = line ? strchr(line, '\t') : NULL;
    if (tab) *tab = 0;
    line = tab ? tab + 1 : NULL;
  }
  return end + 1;
}

// Puts as much of a text as fits into so many columns, and says how many it took.
static int put_cut(const char *text, int room) {
  wchar_t *wide = to_wide(text);
  size_t count = 0;
  int width = 0;
  while (wide && wide[count] && width + width_of(wide + count, 1) <= room) {
    width += width_of(wide + count, 1);
    count++;
  }
  if (wide) put_wide(wide, count);
  free(wide);
  return width;
}

static unsigned char do_list(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->list) return CC_NORM;
  int columns = screen_columns(), limit = screen_rows() / 3, widest = 0, count = 0;
  if (limit < 5) limit = 5;
  char *fields[3], *head[3];
  char *lines = next_line(e->list, head);
  long more = lines && head[1] ? strtol(head[1], NULL, 10) : 0;
  // The widest name among those that are shown; a second pass shows them.
  for (const char *p = lines; p && *p; count++) {
    const char *tab = strchr(p, '\t'), *end = strchr(p, '\n');
    if (count < limit && tab) {
      char *name = strndup(p, (size_t)(tab - p));
      wchar_t *wide = name ? to_wide(name) : NULL;
      int width = wide ? width_of(wide, wcslen(wide)) : 0;
      if (width > widest) widest = width;
      free(wide);
      free(name);
    }
    p = end ? end + 1 : NULL;
  }
  if (widest > columns * 2 / 3) widest = columns * 2 / 3;
  put("\n");
  char *p = lines;
  for (int shown = 0; p && *p && shown < limit; shown++) {
    p = next_line(p, fields);
    if (!p) break;
    int width = put_cut(fields[0], columns - 1);
    int room = columns - widest - 3;
    if (fields[1] && room > 8 && width <= widest) {
      fprintf(stdout, "%*s", widest + 2 - width, "");
      if (e->has_colors) fputs("\033[2m", stdout);
      put_cut(fields[1], room);
      if (e->has_colors) fputs("\033[0m", stdout);
    }
    fputc('\n', stdout);
  }
  if (count > limit) more += count - limit;
  if (more > 0) fprintf(stdout, "… %ld more\n", more);
  fflush(stdout);
  free(e->list);
  e->list = NULL;
  move_to(e, e->stashed_cursor);
  el_wset(el, EL_REFRESH);
  return CC_NORM;
}

static unsigned char do_complete(EditLine *el, wint_t key) {
  (void)key;
  visen_editor *e = self(el);
  if (!e->has_history) return CC_ERROR;
  const LineInfoW *line = line_of(e);
  size_t cursor = cursor_of(e);
  // In front of a row Tab indents.
  size_t start_of_row = cursor;
  while (start_of_row > 0 && line->buffer[start_of_row - 1] == L' ') start_of_row--;
  if (start_of_row > 0 && line->buffer[start_of_row - 1] == L'\n') {
    el_winsertstr(el, L"  ");
    return CC_REFRESH;
  }
  char *text = line_utf8(e);
  char *before = to_utf8(line->buffer, cursor);
  int start = 0;
  char *list = text && before ? e->callbacks.complete(e->callbacks.context, text,
                                                      (int)strlen(before), &start)
                              : NULL;
  free(text);
  unsigned char result = CC_ERROR;
  char *lines = list ? strchr(list, '\n') : NULL;
  if (lines && before && start >= 0 && (size_t)start <= strlen(before)) {
    char *end = strchr(lines + 1, '\n');
    int is_only = end && !end[1];
    char *tab = strchr(list, '\t');
    char *insertion = strndup(list, (size_t)((tab && tab < lines ? tab : lines) - list));
    wchar_t *wide = insertion ? to_wide(insertion) : NULL;
    wchar_t *old = to_wide(before + start);
    int is_new = wide && old && wcscmp(wide, old) != 0 && wcslen(wide) >= wcslen(old);
    if (wide && old && (is_only || is_new)) {
      erase_suggestion(e);
      if (wcslen(old) > 0) el_wdeletestr(el, (int)wcslen(old));
      el_winsertstr(el, wide);
      // The last field says whether another word follows.
      if (is_only && end[-1] == '1' && line_of(e)->cursor == line_of(e)->lastchar) {
        el_winsertstr(el, L" ");
      }
      result = CC_REFRESH;
    } else if (!is_only) {
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
  free(before);
  return result;
}

// MARK: - Suspending

static volatile sig_atomic_t is_continued = 0;

static void continued(int number) {
  (void)number;
  is_continued = 1;
}

static unsigned char do_suspend(EditLine *el, wint_t key) {
  (void)key;
  control("\033[?2004l");
  put("\r\n");
  el_wset(el, EL_PREP_TERM, 0);
  editor_lend_terminal();
  // The signal may stop the process by another thread of it; this one goes on when it goes on.
  is_continued = 0;
  struct sigaction action = {.sa_handler = continued, .sa_flags = SA_RESTART};
  sigaction(SIGCONT, &action, NULL);
  kill(0, SIGTSTP);
  for (int i = 0; i < 100 && !is_continued; i++) usleep(10000);
  editor_take_terminal();
  el_wset(el, EL_PREP_TERM, 1);
  control("\033[?2004h");
  el_wset(el, EL_REFRESH);
  return CC_REDISPLAY;
}

// MARK: - The terminal between lines

// While a statement runs, keys that are typed ahead are kept for the next line and not drawn amid its
// output; Ctrl-C and Ctrl-Z stay signals. libedit leaves the terminal so, too (EL_SETTY), because a key
// that comes between two changes would be drawn by the terminal itself.
static void quieten_terminal(void) {
  if (!has_first_terminal) return;
  struct termios quiet = first_terminal;
  quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
  quiet.c_cc[VMIN] = 1;
  quiet.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
}

void editor_lend_terminal(void) {
  if (has_first_terminal) tcsetattr(STDIN_FILENO, TCSADRAIN, &first_terminal);
}

void editor_take_terminal(void) { quieten_terminal(); }

// MARK: - Signals

void editor_give_terminal_back(void) {
  if (has_first_terminal) tcsetattr(STDIN_FILENO, TCSANOW, &first_terminal);
  static const char off[] = "\033[0m\033[?2004l";
  if (knows_escapes && write(STDOUT_FILENO, off, sizeof off - 1) < 0) return;
}

static void dying(int number) {
  editor_give_terminal_back();
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

visen_editor *editor_open(const char *name, editor_callbacks callbacks, int has_colors) {
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
  const char *terminal = getenv("TERM");
  knows_escapes = terminal && *terminal && strcmp(terminal, "dumb") != 0;
  e->has_colors = has_colors && knows_escapes;
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
      {L"visen-brace", do_close_brace},   {L"visen-begin", do_begin},
      {L"visen-mark", do_mark},           {L"visen-edit", do_edit},
      {L"visen-leave", do_leave},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    el_wset(e->el, EL_ADDFN, functions[i].name, L"of Visen", functions[i].function);
  }
  el_wset(e->el, EL_BIND, L"^U", L"vi-kill-line-prev", NULL);
  el_wset(e->el, EL_BIND, L"^W", L"ed-delete-prev-word", NULL);
  el_source(e->el, NULL);
  el_wset(e->el, EL_GETCFN, pump);
  el_wset(e->el, EL_SETTY, L"-d", L"-isig", L"-ixon", NULL);
  el_wset(e->el, EL_SETTY, L"-x", L"-echo", L"-icanon", NULL);
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
  bind_private(e, KEY_LEAVE, L"visen-leave");
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
  bind_private(e, KEY_BEGIN, L"visen-begin");
  bind_private(e, KEY_MARK, L"visen-mark");
  wchar_t *mode = NULL;
  if (el_wget(e->el, EL_EDITOR, &mode) == 0 && mode && wcscmp(mode, L"vi") == 0) {
    // In command mode vi's own keys for what we do ourselves.
    const wchar_t *keys[][2] = {
        {L"k", L"visen-up"}, {L"j", L"visen-down"}, {L"/", L"visen-search"},
        {L"?", L"visen-search"}, {L"v", L"visen-edit"}, {L"x", L"visen-delete"},
        {L"h", L"visen-left"}, {L"l", L"visen-right"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
      el_wset(e->el, EL_BIND, L"-a", keys[i][0], keys[i][1], NULL);
    }
  } else {
    el_wset(e->el, EL_BIND, L"^X^E", L"visen-edit", NULL);
  }
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

editor_status editor_read(visen_editor *e, const char *prompt, int has_history,
                          const char *initial, char **text) {
  *text = NULL;
  free(e->prompt);
  e->prompt = to_wide(prompt);
  if (!e->prompt) return EDITOR_FAILED;
  show_prompt(e, e->prompt);
  e->has_history = has_history;
  e->interrupted = e->ended = e->searching = e->phase = e->edited = 0;
  pthread_mutex_lock(&e->lock);
  take_offered(e);
  pthread_mutex_unlock(&e->lock);
  leave_history(e);
  free(e->initial);
  e->initial = initial && *initial ? to_wide(initial) : NULL;
  e->drawn_columns = screen_columns();
  e->lost_count = 0;
  control("\033[?2004h");
  int count = 0;
  const wchar_t *line = el_wgets(e->el, &count);
  control("\033[?2004l");
  pthread_mutex_lock(&e->lock);
  char *late = e->above;
  e->above = NULL;
  pthread_mutex_unlock(&e->lock);
  if (late) put(late);
  free(late);
  if (e->interrupted) return EDITOR_INTERRUPTED;
  if (!line || count <= 0) {
    if (count == 0 || e->ended) {
      if (e->phase != 1) put("\r\n");
      return EDITOR_END;
    }
    return EDITOR_FAILED;
  }
  size_t length = (size_t)count;
  while (length > 0 && (line[length - 1] == L'\n' || line[length - 1] == L'\r')) length--;
  *text = to_utf8(line, length);
  if (!*text) return EDITOR_FAILED;
  return e->edited ? EDITOR_EDIT : EDITOR_LINE;
}

static void wake(visen_editor *e) {
  if (write(e->wake_write, "w", 1) < 0) return;
}

void editor_offer(visen_editor *e, const char *text) {
  pthread_mutex_lock(&e->lock);
  if (e->offered_count == e->offered_capacity) {
    size_t capacity = e->offered_capacity ? e->offered_capacity * 2 : 64;
    char **more = realloc(e->offered, capacity * sizeof(char *));
    if (more) {
      e->offered = more;
      e->offered_capacity = capacity;
    }
  }
  if (e->offered_count < e->offered_capacity) {
    char *copy = strdup(text);
    if (copy) e->offered[e->offered_count++] = copy;
  }
  pthread_mutex_unlock(&e->lock);
}

void editor_wake(visen_editor *e) { wake(e); }

void editor_print(visen_editor *e, const char *text) {
  pthread_mutex_lock(&e->lock);
  size_t old = e->above ? strlen(e->above) : 0;
  char *more = realloc(e->above, old + strlen(text) + 2);
  if (more) {
    e->above = more;
    strcpy(more + old, text);
  }
  pthread_mutex_unlock(&e->lock);
  wake(e);
}

void editor_set_prompt(visen_editor *e, const char *prompt) {
  pthread_mutex_lock(&e->lock);
  free(e->next_prompt);
  e->next_prompt = prompt ? strdup(prompt) : NULL;
  pthread_mutex_unlock(&e->lock);
  if (prompt) wake(e);
}

void editor_leave(visen_editor *e) {
  pthread_mutex_lock(&e->lock);
  e->leave_asked = 1;
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
  free(e->next_prompt);
  free(e->initial);
  for (size_t i = 0; i < e->offered_count; i++) free(e->offered[i]);
  free(e->offered);
  pthread_mutex_destroy(&e->lock);
  free(e);
}
