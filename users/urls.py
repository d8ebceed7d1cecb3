"""Pages of a portal outside its admin."""

from django.urls import path

from users.views import colors, courses, health, invitations, profile, sign_in

app_name = "users"
urlpatterns = [
    path("", courses.CoursesPage.as_view(), name="courses"),
    path("courses/<int:enrollment_id>/", courses.CoursePage.as_view(), name="course"),
    path("profile/", profile.ProfilePage.as_view(), name="profile"),
    path("sign-in/", sign_in.SignInPage.as_view(), name="sign_in"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("password/forgot/", sign_in.PasswordForgottenPage.as_view(), name="password_forgotten"),
    path("invitation/<str:token>/", invitations.InvitationPage.as_view(), name="invitation"),
    path("portal.css", colors.portal_colors, name="portal_colors"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
]
