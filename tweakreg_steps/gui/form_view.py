"""The form: one section of the recipe at a time, for all images or for some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.desk import Field, parameter_at, section_of
from tweakreg_steps.gui.fields import Kind, choices_of, read_value, value_text
from tweakreg_steps.gui.style import CARD, HTML, paragraph, span

_ALL = "all images"
_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
_LONGEST = 1 << 20
"""Characters of a value."""
_NO_MENU = "(not given)"


class FormView:
    """The form of a recipe.

    Parameters
    ----------
    bench
        What it shows.
    say
        Shows a message.
    """

    def __init__(self, bench: Bench, say: Callable[[str], None]) -> None:
        self._bench = bench
        self._say = say
        self._rows: list[_Row] = []
        self._options: tuple[list[str], list[str]] = ([], [])
        self._section = pn.widgets.Select(name="section", **_WIDE)
        self._image = pn.widgets.Select(name="holds for", **_WIDE)
        self._pattern = pn.widgets.TextInput(
            name="add an image or wildcard", placeholder="j9irw4*", width=170
        )
        self._search = pn.widgets.TextInput(
            name="search all sections", placeholder="word", width=170
        )
        self._fields = pn.Column(**_WIDE, styles={"max-height": "72vh", "overflow-y": "auto"})
        self._refresh_menus()
        self._section.param.watch(lambda _: self._rebuild(), "value")
        self._image.param.watch(lambda _: self._rebuild(), "value")
        self._search.param.watch(lambda _: self._rebuild(), "value_input")
        self._pattern.param.watch(lambda _: self._add_image(), "value")
        head = pn.FlexBox(self._section, self._image, self._pattern, self._search, **_WIDE)
        self._section.styles = {"flex": "2 1 220px", "min-width": "200px"}
        self._image.styles = {"flex": "1 1 150px", "min-width": "150px"}
        self.view = pn.Column(head, self._fields, stylesheets=[CARD], **_WIDE)
        self._rebuild()

    def refresh(self) -> None:
        """Show what is on the desk now, without touching what is being typed."""
        self._refresh_menus()
        desk = self._bench.desk
        found = {field.path: field for field in self._found()}
        for row in self._rows:
            row.show(found[row.path], is_enabled=desk.has_form)

    def _scope(self) -> str:
        """Return the image or wildcard that the form speaks of; nothing for all."""
        return "" if self._image.value in (None, _ALL) else str(self._image.value)

    def _found(self) -> list[Field]:
        """Return the fields to show."""
        desk = self._bench.desk
        if self._search.value_input:
            found = desk.search(self._search.value_input, image=self._scope())
            return [field for field in found if section_of(field.parameter) in self._bench.sections]
        return desk.fields(str(self._section.value), image=self._scope())

    def _refresh_menus(self) -> None:
        """Say in the menus what there is, and how much of it was changed."""
        desk = self._bench.desk
        scope = self._scope()
        sections = [n for n in self._bench.sections if desk.fields(n, image=scope)]
        counts = {name: desk.n_changed(name, image=scope) for name in sections}
        labels = {
            f"{name} ({count} set)" if count else name: name for name, count in counts.items()
        }
        images = [_ALL, *dict.fromkeys([*desk.image_keys, *desk.image_names])]
        if scope and scope not in images:
            images.append(scope)
        if (list(labels), images) == self._options:
            return
        self._options = (list(labels), images)
        chosen = self._section.value if self._section.value in sections else sections[0]
        self._section.param.update(options=labels, value=chosen)
        self._image.param.update(options=images, value=scope or _ALL)

    def _add_image(self) -> None:
        """Show the values of an image or wildcard that is not in the menu."""
        pattern = self._pattern.value.strip()
        if not pattern:
            return
        if pattern not in self._image.options:
            self._image.options = [*self._image.options, pattern]
        self._image.value = pattern
        self._pattern.value = ""

    def _rebuild(self) -> None:
        """Make the fields of the section anew."""
        self._refresh_menus()
        is_search = bool(self._search.value_input)
        self._rows = [
            _Row(field, self._bench, self._say, is_long=is_search) for field in self._found()
        ]
        nothing = pn.pane.HTML(
            paragraph("no parameter has these words", "help"), stylesheets=[HTML]
        )
        self._fields[:] = [row.view for row in self._rows] or [nothing]
        self._fields.scroll_position = 0


class _Row:
    """One field: its widget, what it is, and what is wrong with it."""

    def __init__(
        self, field: Field, bench: Bench, say: Callable[[str], None], *, is_long: bool
    ) -> None:
        self.path = field.path
        self._is_long = is_long
        self._bench = bench
        self._say = say
        self._is_told = False
        self._head = pn.pane.HTML(stylesheets=[HTML], margin=(8, 10, 0, 10), **_WIDE)
        self._foot = pn.pane.HTML(stylesheets=[HTML], margin=(0, 10, 4, 10), **_WIDE)
        self._widget = _widget(field, bench)
        self._reset = pn.widgets.Button(
            name="default", width=80, margin=(5, 10), description=f"unset {'.'.join(field.path)}"
        )
        self._reset.on_click(lambda _: self._unset())
        for event in _events_of(field):
            self._widget.param.watch(lambda event: self._enter(event.new), event)
        self.view = pn.Column(
            self._head, pn.Row(self._widget, self._reset, **_WIDE), self._foot, **_WIDE
        )
        self.show(field, is_enabled=True)

    def show(self, field: Field, *, is_enabled: bool) -> None:
        """Show a field as it is now."""
        unit = f" [{field.parameter.unit}]" if field.parameter.unit else ""
        default = value_text(field.parameter.default)
        mark = f"changed; default {default or 'not given'}" if field.is_changed else ""
        mark = mark or ("set to its default" if field.is_set else "")
        mark = "required" if "default" not in field.parameter.schema else mark
        short = ".".join(field.parameter.path[1:])
        name = field.parameter.name if self._is_long or not short else short
        self._head.object = f"{span(name, 'name')}{span(unit, 'help')} {span(mark, 'mark')}"
        bad = paragraph(field.problem, "bad")
        self._foot.object = f"{bad}{paragraph(field.parameter.description, 'help')}"
        self._reset.visible = field.is_set and field.parameter.path != ("input",)
        self._widget.disabled = self._reset.disabled = not is_enabled
        if is_enabled and _meaning(field, str(_shown(self._widget))) != field.text:
            self._is_told = True
            _put(self._widget, field.text)
            self._is_told = False

    def _enter(self, text: str) -> None:
        """Take what is typed or chosen."""
        if self._is_told:
            return
        try:
            self._bench.desk.set_value(self.path, "" if text == _NO_MENU else text)
        except RecipeError as error:
            self._say(str(error))

    def _unset(self) -> None:
        """Let the default hold again."""
        try:
            self._bench.desk.unset(self.path)
        except RecipeError as error:
            self._say(str(error))


def _widget(field: Field, bench: Bench) -> Any:  # noqa: ANN401  one of several widgets
    """Return what a parameter is entered with."""
    options: dict[str, Any] = {"margin": (2, 10), **_WIDE}
    label = ".".join(field.path)
    if field.kind is Kind.MENU:
        choices = choices_of(field.parameter)
        choices += [] if field.text in choices else [field.text or _NO_MENU]
        widget = pn.widgets.Select(options=choices, value=field.text or _NO_MENU, **options)
    elif field.kind is Kind.FILE:
        widget = pn.widgets.AutocompleteInput(
            options=bench.desk.folders.files(),
            value=field.text,
            restrict=False,
            case_sensitive=False,
            min_characters=1,
            search_strategy="includes",
            **options,
        )
    else:
        widget = pn.widgets.TextInput(value=field.text, max_length=_LONGEST, **options)
    widget.name = ""
    widget.css_classes = ["field-" + label.replace(".", "-").replace("*", "")]
    if "null" in field.parameter.schema.get("type", ()) and field.kind is not Kind.MENU:
        widget.placeholder = "not given"
    return widget


def _events_of(field: Field) -> tuple[str, ...]:
    """Return what of a widget changes while it is used; a file may be typed or picked."""
    events = {Kind.MENU: ("value",), Kind.FILE: ("value", "value_input")}
    return events.get(field.kind, ("value_input",))


def _shown(widget: Any) -> str:  # noqa: ANN401  one of several widgets
    """Return what a widget shows."""
    text = widget.value_input if hasattr(widget, "value_input") else widget.value
    return "" if text in (None, _NO_MENU) else str(text)


def _meaning(field: Field, text: str) -> str:
    """Return a text as the form would write what it stands for: ``1.`` is ``1``."""
    if text == field.text:
        return text
    try:
        return value_text(read_value(parameter_at(field.path), text))
    except RecipeError:
        return text


def _put(widget: Any, text: str) -> None:  # noqa: ANN401  one of several widgets
    """Show a text in a widget."""
    if isinstance(widget, pn.widgets.Select):
        shown = text or _NO_MENU
        if shown not in widget.options:
            widget.options = [*widget.options, shown]
        widget.value = shown
    else:
        widget.param.update(value=text, value_input=text)
