"use strict";

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: true,
  // Nothing in an address may say which document is shown, and none is sent to a validator elsewhere.
  queryConfigEnabled: false,
  validatorUrl: null,
});
