"""How this site's admin is called, and what its first page shows."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy

admin.site.site_header = gettext_lazy("Chat administration")
admin.site.site_title = gettext_lazy("Chat administration")
admin.site.index_title = gettext_lazy("What there is")
admin.site.index_template = "admin/rooms/index.html"
