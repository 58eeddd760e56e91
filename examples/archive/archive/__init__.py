"""An archive of files: Django's admin and Django REST framework, which do not know that they run behind a mesh."""
