import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.text.ParseException;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * nimbus-jose-jwt: a service that accepts tokens of an issuer for its audience, and knows nothing else of the issuer.
 *
 * <p>Arguments are issuer and audience. It reads tokens, one a line, and writes a line for each: the claims, or the
 * refusal.
 */
public final class Verify {
  public static void main(String[] args) throws Exception {
    String issuer = args[0];
    var processor = processor(issuer, args[1], discover(issuer));
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String token = lines.readLine(); token != null; token = lines.readLine()) {
      try {
        System.out.println(JSONObjectUtils.toJSONString(processor.process(token, null).toJSONObject()));
      } catch (BadJOSEException | JOSEException | ParseException e) {
        System.out.println("refused: " + e.toString().replace('\n', ' '));
      }
    }
  }

  private static Map<String, Object> discover(String issuer) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(issuer + "/.well-known/openid-configuration")).build();
    var document = JSONObjectUtils.parse(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    if (!issuer.equals(document.get("issuer"))) {
      throw new IllegalStateException("the document is another issuer's: " + document);
    }
    return document;
  }

  private static DefaultJWTProcessor<SecurityContext> processor(String issuer, String audience, Map<String, Object> document)
      throws Exception {
    Set<JWSAlgorithm> algorithms = JSONObjectUtils.getStringList(document, "id_token_signing_alg_values_supported").stream()
        .map(JWSAlgorithm::parse).collect(Collectors.toSet());
    var keys = JWKSourceBuilder.create(new URL((String) document.get("jwks_uri"))).build();
    var processor = new DefaultJWTProcessor<SecurityContext>();
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(algorithms, keys));
    processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
        audience, new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("exp", "iat", "sub", "jti")));
    return processor;
  }
}
