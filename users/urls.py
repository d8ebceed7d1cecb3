"""Pages of a portal outside its admin."""

from django.urls import path

from users.views import (
    colors,
    courses,
    deletion,
    health,
    invitations,
    profile,
    saml,
    second_factor,
    second_step,
    security,
    sign_in,
    signed_links,
    single_sign_on,
)

app_name = "users"
urlpatterns = [
    path("", courses.CoursesPage.as_view(), name="courses"),
    path("courses/<int:enrollment_id>/", courses.CoursePage.as_view(), name="course"),
    path("profile/deletion/", deletion.DeletionPage.as_view(), name="deletion"),
    path("profile/missing/", profile.MissingDataPage.as_view(), name="missing_data"),
    path("portals/", profile.PortalsPage.as_view(), name="portals"),
    path("profile/", profile.ProfilePage.as_view(), name="profile"),
    path("sign-in/", sign_in.SignInPage.as_view(), name="sign_in"),
    path("sign-in/direct/", sign_in.DirectSignInPage.as_view(), name="sign_in_direct"),
    path("sign-in/code/", second_step.SecondStepPage.as_view(), name="second_step"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("signed-out/", single_sign_on.SignedOutPage.as_view(), name="signed_out"),
    # Without slashes at the end: these addresses are typed into other systems.
    path("saml/", saml.SamlStart.as_view(), name="saml"),
    path("saml/consumer", saml.SamlConsumer.as_view(), name="saml_consumer"),
    path("saml/metadata", saml.SamlMetadata.as_view(), name="saml_metadata"),
    path("saml/finish/<str:token>/", saml.SamlFinish.as_view(), name="saml_finish"),
    path("sqsso", signed_links.SignedLinkView.as_view(), name="signed_link"),
    path("security/", security.SecurityPage.as_view(), name="security"),
    path("security/end/", security.EndSignIn.as_view(), name="end_sign_in"),
    path("security/end-all/", security.EndSignIns.as_view(), name="end_sign_ins"),
    path("second-factor/", second_factor.SecondFactorPage.as_view(), name="second_factor"),
    path("second-factor/begin/", second_factor.BeginSecondFactor.as_view(), name="second_factor_begin"),
    path("second-factor/codes/", second_factor.NewRecoveryCodes.as_view(), name="second_factor_codes"),
    path("second-factor/remove/", second_factor.RemoveSecondFactor.as_view(), name="second_factor_remove"),
    path("password/", security.PasswordPage.as_view(), name="password"),
    path("password/forgot/", sign_in.PasswordForgottenPage.as_view(), name="password_forgotten"),
    path("invitation/<str:token>/", invitations.InvitationPage.as_view(), name="invitation"),
    path("logo/<slug:digest>.png", colors.portal_logo, name="portal_logo"),
    path("portal.css", colors.portal_colors, name="portal_colors"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
]
